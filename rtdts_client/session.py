"""Decides what a viewer's connection does next.

It does no I/O and reads no clock: `tracker.py` passes events to it and carries out the actions that
it returns.

The gateway ends a connection after 2 hours. Before that a second one is opened, and the old one is
closed when the new one has received a snapshot, so that nothing is missed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from rtdts_client.messages import Pong, ServiceError, Snapshot, parse_message
from rtdts_client.protocol import (
    Action,
    Changes,
    Close,
    Closed,
    ConnectionState,
    Failed,
    FetchTicket,
    FrameReceived,
    Input,
    Open,
    Opened,
    Report,
    Send,
    Show,
    Signal,
    Ticketed,
    TicketRejected,
)
from rtdts_client.timing import Timing, backoff_ms
from rtdts_client.view import DeliveryView, apply_message, complete_through

NOTHING = Changes()


@dataclass(frozen=True)
class _Attempt:
    """A connection from the request for its ticket to its first snapshot."""

    number: int
    started_ms: float


@dataclass
class _Live:
    """A connection that has received a snapshot.

    Attributes:
        last_frame_ms: When the last frame of any kind came.
        last_update_ms: When the last frame about the delivery came.
        pinged_ms: When a ping was sent, if no frame has come since.
    """

    number: int
    since_ms: float
    replace_at_ms: float
    last_frame_ms: float
    last_update_ms: float
    pinged_ms: float | None = None


class Session:
    """One delivery, over as many connections as it takes."""

    def __init__(self, timing: Timing, random: Callable[[], float]) -> None:
        self._timing = timing
        self._random = random
        self._state: Literal["new", "running", "paused", "ended"] = "new"
        self._view: DeliveryView | None = None
        self._end_reason: str | None = None
        self._true_as_of_ms: float | None = None
        self._position_ms: float | None = None
        self._attempt: _Attempt | None = None
        self._live: _Live | None = None
        self._retry_at_ms: float | None = None
        self._failures = 0
        self._last_number = 0
        self._requested_through = -1
        self._actions: list[Action] = []

    @property
    def has_ended(self) -> bool:
        """Whether nothing will happen any more."""
        return self._state == "ended"

    @property
    def end_reason(self) -> str | None:
        """Why the session has ended; None while it has not."""
        return self._end_reason

    def on(self, received: Input, now_ms: float) -> list[Action]:
        """Process an input at ``now_ms`` (epoch ms); return the actions, in order."""
        self._actions = []
        before = self._connection()
        self._handle(received, now_ms)
        self._run_due(now_ms)
        reported = any(isinstance(action, Show) for action in self._actions)
        if not reported and self._connection() != before:
            self._report(NOTHING)
        return self._actions

    def wake_at_ms(self) -> float | None:
        """When to send `Signal.WAKE` at the latest, in epoch ms; None if nothing will be due."""
        if self._state != "running":
            return None
        times = []
        if self._retry_at_ms is not None:
            times.append(self._retry_at_ms)
        if self._attempt:
            times.append(self._attempt.started_ms + self._timing.attempt_ms)
        if live := self._live:
            times.append(live.last_update_ms + self._timing.silence_ms)
            if live.pinged_ms is None:
                times.append(live.last_frame_ms + self._timing.heartbeat_ms)
            else:
                times.append(live.pinged_ms + self._timing.pong_within_ms)
            if not self._attempt and self._retry_at_ms is None:
                times.append(live.replace_at_ms)
        return min(times, default=None)

    def _handle(self, received: Input, now_ms: float) -> None:
        match received:
            case Signal():
                self._handle_signal(received, now_ms)
            case Ticketed(number) if self._is_attempt(number):
                self._set_delivery(received.delivery_id, now_ms)
                self._actions.append(Open(number, received.ticket))
            case Failed(number, failure) if self._is_attempt(number):
                if isinstance(failure, TicketRejected):
                    self._end(failure.reason)
                else:
                    self._fail(now_ms, failure.retry_after_ms or 0)
            case Opened(number) if self._is_attempt(number):
                self._track(number)
            case Closed(number):
                self._connection_lost(number, now_ms)
            case FrameReceived(number, frame):
                self._receive(number, frame, now_ms)
            case _:  # from a connection that was given up
                pass

    def _handle_signal(self, signal: Signal, now_ms: float) -> None:
        match signal, self._state:
            case (Signal.START, "new") | (Signal.RESUME, "paused"):
                self._state = "running"
                self._failures = 0
                self._start_attempt(now_ms)
            case Signal.PAUSE, "running":
                self._disconnect()
                self._state = "paused"
            case Signal.STOP, ("new" | "running" | "paused"):
                self._end("stopped")
            case Signal.CHECK, "running":
                self._check(now_ms)
            case _:  # `WAKE`: due actions are checked after every input
                pass

    def _run_due(self, now_ms: float) -> None:
        """The actions that have come due."""
        if self._state != "running":
            return
        timing = self._timing
        if live := self._live:
            pinged_ms = live.pinged_ms
            is_pong_overdue = pinged_ms is not None and now_ms >= pinged_ms + timing.pong_within_ms
            if is_pong_overdue or now_ms >= live.last_update_ms + timing.silence_ms:
                self._actions.append(Close(live.number))
                self._connection_lost(live.number, now_ms)
            elif pinged_ms is None and now_ms >= live.last_frame_ms + timing.heartbeat_ms:
                self._ping(live, now_ms)
        if self._attempt and now_ms >= self._attempt.started_ms + timing.attempt_ms:
            self._actions.append(Close(self._attempt.number))
            self._fail(now_ms)
        if self._attempt:
            return
        if self._retry_at_ms is not None:
            is_due = now_ms >= self._retry_at_ms
        else:
            is_due = self._live is not None and now_ms >= self._live.replace_at_ms
        if is_due:
            self._start_attempt(now_ms)

    def _start_attempt(self, now_ms: float) -> None:
        self._retry_at_ms = None
        self._last_number += 1
        self._attempt = _Attempt(self._last_number, now_ms)
        self._actions.append(FetchTicket(self._last_number))

    def _fail(self, now_ms: float, at_least_ms: float = 0) -> None:
        self._attempt = None
        self._failures += 1
        wait_ms = max(at_least_ms, backoff_ms(self._failures, self._random(), self._timing))
        self._retry_at_ms = now_ms + wait_ms

    def _connection_lost(self, number: int, now_ms: float) -> None:
        if self._is_attempt(number):
            self._fail(now_ms)
        elif live := self._live_of(number):
            if now_ms - live.since_ms >= self._timing.steady_ms:
                self._failures = 0
            self._live = None
            if not self._attempt and self._retry_at_ms is None:
                self._fail(now_ms)

    def _check(self, now_ms: float) -> None:
        """Test the connection: the network may have changed, or the device may have slept."""
        if self._live:
            if self._live.pinged_ms is None:
                self._ping(self._live, now_ms)
        elif not self._attempt and self._failures > 0:
            self._failures = 0
            self._start_attempt(now_ms)

    def _ping(self, live: _Live, now_ms: float) -> None:
        live.pinged_ms = now_ms
        self._actions.append(Send(live.number, '{"action":"ping"}'))

    def _track(self, number: int) -> None:
        if self._view is None:
            return
        since = complete_through(self._view)
        self._requested_through = since
        request = {
            "action": "track",
            "delivery_id": self._view.delivery_id,
            "since_version": since,
        }
        self._actions.append(Send(number, json.dumps(request)))

    def _set_delivery(self, delivery_id: str, now_ms: float) -> None:
        if self._view is None or self._view.delivery_id != delivery_id:
            self._view = DeliveryView(delivery_id)
        self._true_as_of_ms = now_ms
        self._report(NOTHING)

    def _receive(self, number: int, frame: str, now_ms: float) -> None:
        if live := self._live_of(number):
            live.last_frame_ms = now_ms
            live.pinged_ms = None
        elif not self._is_attempt(number):
            return
        message = parse_message(frame)
        if message is None or isinstance(message, Pong) or self._view is None:
            return
        if isinstance(message, ServiceError):
            self._receive_error(number, message, now_ms)
            return
        if message.delivery_id != self._view.delivery_id:
            return
        applied = apply_message(self._view, message)
        position = applied.view.position
        if position is not self._view.position:
            self._position_ms = None if position is None else now_ms - position.age_s * 1000
        self._view = applied.view
        if applied.view.ended is not None:
            self._receive_end(number, applied.view.ended, now_ms)
            return
        if isinstance(message, Snapshot) and self._is_attempt(number):
            self._promote(number, now_ms)
        if live := self._live_of(number):
            live.last_update_ms = now_ms
        if not applied.stale:
            self._true_as_of_ms = now_ms
        if applied.events or applied.new_position or applied.new_version or not applied.stale:
            self._report(Changes(applied.events, applied.new_position))
        complete = complete_through(applied.view)
        if complete < applied.view.version and (
            applied.new_version or self._requested_through < complete
        ):
            self._track(number)

    def _promote(self, number: int, now_ms: float) -> None:
        old = self._live
        jitter_ms = self._random() * self._timing.replace_jitter_ms
        replace_at_ms = now_ms + self._timing.replace_after_ms - jitter_ms
        self._live = _Live(
            number, now_ms, replace_at_ms, last_frame_ms=now_ms, last_update_ms=now_ms
        )
        self._attempt = None
        if old:
            self._failures = 0
            self._actions.append(Close(old.number))

    def _receive_error(self, number: int, error: ServiceError, now_ms: float) -> None:
        delivery_id = self._view and self._view.delivery_id
        if error.reason == "too_many" and error.delivery_id is None:
            self._actions.append(Close(number))
            if self._live_of(number):
                self._live = None
            self._fail(now_ms, self._timing.too_many_ms)
        elif error.reason == "not_found" and error.delivery_id == delivery_id:
            self._end(error.reason)
        elif self._is_attempt(number):
            self._actions.append(Close(number))
            self._fail(now_ms)

    def _receive_end(self, number: int, reason: str, now_ms: float) -> None:
        if reason != "token_expired":
            self._true_as_of_ms = now_ms
            self._end(reason)
            return
        # The right to view may still be valid: a new ticket shows it.
        if self._view:
            self._view = replace(self._view, ended=None)
        self._actions.append(Close(number))
        self._connection_lost(number, now_ms)

    def _end(self, reason: str) -> None:
        self._disconnect()
        self._state = "ended"
        self._end_reason = reason
        self._report(NOTHING)

    def _disconnect(self) -> None:
        if self._attempt:
            self._actions.append(Close(self._attempt.number))
        if self._live:
            self._actions.append(Close(self._live.number))
        self._attempt = None
        self._live = None
        self._retry_at_ms = None

    def _is_attempt(self, number: int) -> bool:
        return self._attempt is not None and self._attempt.number == number

    def _live_of(self, number: int) -> _Live | None:
        return self._live if self._live and self._live.number == number else None

    def _connection(self) -> ConnectionState:
        if self._state in ("ended", "paused"):
            return self._state
        if self._live:
            return "live"
        return "connecting" if self._failures == 0 else "offline"

    def _report(self, changes: Changes) -> None:
        report = Report(
            delivery=self._view,
            connection=self._connection(),
            end_reason=self._end_reason,
            true_as_of_ms=self._true_as_of_ms,
            position_ms=self._position_ms,
            changes=changes,
        )
        self._actions.append(Show(report))
