"""Limits how much one connection may send, and how many sockets one identity may open."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Final, Protocol

from rtdts.delivery_store.socket_limits import Rate
from rtdts.runtime.rate_limits import RateLimits

FREE_PER_MINUTE: Final = 6.0
FREE_BURST_MINUTES: Final = 0.5
"""The rate of one connection or identity that each container admits without a request to the table:
the three frames that an ordinary viewer sends, and a ping every ten seconds, cost no write. So all
containers together may admit a little more than the limit, never less."""

_REJECTED_FOR_S: Final = 1
"""How long each container rejects an identity by itself after the table has rejected it: otherwise
each attempt would be a write."""

_REPLACEMENTS: Final = 5
"""Each failed attempt means that another connection took the place."""


class CountPort(Protocol):
    """See `rtdts.delivery_store.socket_limits.SocketLimitStore`."""

    def try_acquire(self, key: str, rate: Rate, now_ms: int) -> bool:
        """Acquires a unit of a rate, unless it is used up."""

    def add_socket(
        self, key: str, connection_id: str, *, max_sockets: int, now_ms: int
    ) -> str | None:
        """Adds a socket; at the limit, returns the oldest one instead."""

    def replace_socket(self, key: str, oldest: str, connection_id: str, *, now_ms: int) -> bool:
        """Replaces the oldest socket with a new one."""

    def remove_socket(self, key: str, connection_id: str, now_ms: int) -> None:
        """Removes a socket."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SocketLimits:
    """The limits.

    Attributes:
        max_sockets: Sockets that an identity may have open.
        connects: How often an identity may open one.
        frames: How many frames a connection may send.
    """

    max_sockets: int
    connects: Rate
    frames: Rate

    @classmethod
    def of(
        cls,
        *,
        max_sockets: int,
        connects_per_minute: float,
        max_tracked: int,
        frames_per_minute: float,
    ) -> SocketLimits:
        """Returns the limits, with bursts for clients that start again.

        A client whose sockets were all ended opens as many again, possibly twice before the gateway
        reports their end. A client that tracks the maximum sends a request for each, possibly
        twice.
        """
        return cls(
            max_sockets=max_sockets,
            connects=Rate(per_minute=connects_per_minute, burst=2 * max_sockets),
            frames=Rate(per_minute=frames_per_minute, burst=2 * max_tracked),
        )


class SocketLimiter:
    """Enforces the limits, for all containers together.

    Args:
        counts: The counts that all containers share.
        close: Reports `too_many` to a connection and ends it, whether it is still there or not.
    """

    def __init__(
        self,
        counts: CountPort,
        limits: SocketLimits,
        *,
        close: Callable[[str], None],
        now_ms: Callable[[], int],
    ) -> None:
        self._counts = counts
        self._limits = limits
        self._close = close
        self._now_ms = now_ms
        self._free = RateLimits(per_minute=FREE_PER_MINUTE, burst_minutes=FREE_BURST_MINUTES)
        self._rejected = RateLimits(
            per_minute=60 / _REJECTED_FOR_S, burst_minutes=_REJECTED_FOR_S / 60
        )

    def may_send(self, connection_id: str) -> bool:
        """Counts a frame of a connection; returns whether it may be handled.

        A connection that sends too much is ended, so that it costs nothing more.
        """
        if self._admits(f"frames:{connection_id}", self._limits.frames):
            return True
        self._close(connection_id)
        return False

    def opened(self, role: str, identity: str, connection_id: str) -> bool:
        """Counts a socket that is being opened; returns whether it may be.

        When the identity has the maximum, the oldest socket is ended: most likely its end was never
        reported, and its viewer is the one that is connecting now.
        """
        key, now_ms = _sockets_of(role, identity), self._now_ms()
        if self._rejected.wait_ms(key, now_ms) > 0:
            return False
        if not self._admits(f"connects:{role}:{identity}", self._limits.connects):
            self._rejected.spend(key, 1, now_ms)
            return False
        max_sockets = self._limits.max_sockets
        for _ in range(_REPLACEMENTS):
            oldest = self._counts.add_socket(
                key, connection_id, max_sockets=max_sockets, now_ms=now_ms
            )
            if oldest is None:
                return True
            # First: if it failed after the replacement, an open socket would no longer be counted.
            self._close(oldest)
            if self._counts.replace_socket(key, oldest, connection_id, now_ms=now_ms):
                return True
        return False

    def ended(self, role: str, identity: str, connection_id: str) -> None:
        """Stops counting a socket."""
        self._counts.remove_socket(_sockets_of(role, identity), connection_id, self._now_ms())

    def _admits(self, key: str, rate: Rate) -> bool:
        now_ms = self._now_ms()
        if self._free.wait_ms(key, now_ms) == 0:
            self._free.spend(key, 1, now_ms)
            return True
        return self._counts.try_acquire(key, rate, now_ms)


def _sockets_of(role: str, identity: str) -> str:
    return f"sockets:{role}:{identity}"
