"""Enrollment secrets in memory."""

from __future__ import annotations

import dataclasses
import itertools

from rtdts.delivery_store.devices import SECRET_LENGTH, hash_of
from rtdts.delivery_store.items import to_attribute
from tests.fakes.aws_limits import breach
from tests.fakes.scripted_client import client_error


@dataclasses.dataclass
class FakeEnrollment:
    truck_id: str
    name: str
    expires_at_ms: int
    key_hash: str | None = None


class FakeEnrollmentStore:
    """Stands for `EnrollmentStore`.

    Attributes:
        items: The enrollments, by secret.
        takings: How often a secret was looked up.
        is_unavailable: Whether each call fails.
    """

    def __init__(self) -> None:
        self.items: dict[str, FakeEnrollment] = {}
        self.takings = 0
        self.is_unavailable = False
        self._numbers = itertools.count(1)

    def add(self, truck_id: str, *, name: str, now_ms: int, expires_at_ms: int) -> str:
        self._check()
        secret = str(next(self._numbers)).zfill(SECRET_LENGTH)
        self._put(secret, FakeEnrollment(truck_id, name, expires_at_ms))
        return secret

    def bind(self, secret: str, *, truck_id: str, key_hash: str, now_ms: int) -> bool:
        self.takings += 1
        self._check()
        item = self.items.get(secret)
        if item is None or item.truck_id != truck_id or item.expires_at_ms <= now_ms:
            return False
        if item.key_hash not in (None, key_hash):
            return False
        self._put(secret, dataclasses.replace(item, key_hash=key_hash))
        return True

    def _put(self, secret: str, item: FakeEnrollment) -> None:
        stored = {"secret_hash": hash_of(secret), **dataclasses.asdict(item)}
        attributes = {name: to_attribute(one) for name, one in stored.items() if one is not None}
        if code := breach("put_item", {"Item": attributes}):
            raise client_error(code)
        self.items[secret] = item

    def _check(self) -> None:
        if self.is_unavailable:
            raise client_error("InternalServerError")
