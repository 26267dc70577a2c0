"""Counts of sockets and frames in memory."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rtdts.delivery_store.items import to_attribute
from rtdts.delivery_store.socket_limits import Rate
from tests.fakes.aws_limits import breach
from tests.fakes.scripted_client import client_error


class FakeSocketLimitStore:
    """Stands for `SocketLimitStore`.

    Attributes:
        writes: How many calls wrote or tried to write.
    """

    def __init__(self) -> None:
        self.writes = 0
        self._full_at_ms: dict[str, int] = {}
        self._sockets: dict[str, dict[str, int]] = {}

    def try_acquire(self, key: str, rate: Rate, now_ms: int) -> bool:
        self.writes += 1
        before_ms = max(self._full_at_ms.get(key, 0), now_ms)
        if before_ms > now_ms + (rate.burst - 1) * rate.ms_per_unit:
            return False
        _check(key, {"full_at_ms": before_ms + rate.ms_per_unit})
        self._full_at_ms[key] = before_ms + rate.ms_per_unit
        return True

    def add_socket(
        self, key: str, connection_id: str, *, max_sockets: int, now_ms: int
    ) -> str | None:
        self.writes += 1
        sockets = self._sockets.setdefault(key, {})
        if connection_id not in sockets and len(sockets) >= max_sockets:
            return min(sockets, key=lambda one: (sockets[one], one))
        _check(key, {**sockets, connection_id: now_ms})
        sockets.setdefault(connection_id, now_ms)
        return None

    def replace_socket(self, key: str, oldest: str, connection_id: str, *, now_ms: int) -> bool:
        self.writes += 1
        sockets = self._sockets.get(key, {})
        if connection_id not in sockets:
            _check(key, {**sockets, connection_id: now_ms})
            if sockets.pop(oldest, math.inf) == math.inf:
                return False
            sockets[connection_id] = now_ms
        return True

    def remove_socket(self, key: str, connection_id: str, now_ms: int) -> None:
        self.writes += 1
        self._sockets.get(key, {}).pop(connection_id, None)


def _check(key: str, numbers: Mapping[str, int]) -> None:
    """Raises if DynamoDB would reject the identity's item after the write."""
    item = {name: to_attribute(number) for name, number in numbers.items()}
    if code := breach("put_item", {"Item": {"limit_of": to_attribute(key), **item}}):
        raise client_error(code)
