"""A plain WebSocket viewer for tests: sends the given messages, waits for the expected ones."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.support.waiting import DEADLINE_S


class Viewer:
    """One socket and all messages received on it."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        ticket: str | None = None,
        origin: str | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if origin is not None:
            headers["Origin"] = origin
        address = f"{url}?ticket={ticket}" if ticket else url
        self._closing = contextlib.ExitStack()
        self._socket: ClientConnection = self._closing.enter_context(
            connect(address, additional_headers=headers, open_timeout=DEADLINE_S)
        )
        self.messages: list[dict[str, Any]] = []

    def __enter__(self) -> Viewer:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def send(self, message: Any) -> None:
        self._socket.send(message if isinstance(message, str) else json.dumps(message))

    def track(self, delivery_id: str) -> None:
        self.send({"action": "track", "delivery_id": delivery_id})

    def wait_for(
        self, expected: Callable[[dict[str, Any]], bool], *, within_s: float = DEADLINE_S
    ) -> dict[str, Any]:
        """Returns the first message, already received or not, that matches."""
        for message in self.messages:
            if expected(message):
                return message
        ends_at = time.monotonic() + within_s
        while (left := ends_at - time.monotonic()) > 0:
            try:
                message = json.loads(self._socket.recv(timeout=left))
            except TimeoutError:
                break
            self.messages.append(message)
            if expected(message):
                return message
        seen = [(m.get("type"), m.get("status"), m.get("reason")) for m in self.messages]
        raise AssertionError(f"not within {within_s} s; seen: {seen}")

    def receive_pending(self) -> None:
        """Adds the messages that have arrived to `messages`, without waiting."""
        with contextlib.suppress(TimeoutError):
            while True:
                self.messages.append(json.loads(self._socket.recv(timeout=0)))

    def wait_for_type(
        self, kind: str, *, within_s: float = DEADLINE_S, **fields: Any
    ) -> dict[str, Any]:
        return self.wait_for(
            lambda m: m["type"] == kind and all(m.get(k) == v for k, v in fields.items()),
            within_s=within_s,
        )
