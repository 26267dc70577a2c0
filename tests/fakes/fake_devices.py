"""Phones' credentials in memory."""

from __future__ import annotations

import itertools

from rtdts.delivery_store.devices import SECRET_LENGTH, Device, hash_of
from rtdts.delivery_store.items import to_item
from tests.fakes.aws_limits import breach
from tests.fakes.scripted_client import client_error


class FakeDeviceStore:
    """Stands for `DeviceStore`.

    Attributes:
        devices: The devices, by the secret's hash.
        readings: How often a device was looked up.
        is_unavailable: Whether each call fails.
    """

    def __init__(self) -> None:
        self.devices: dict[str, Device] = {}
        self.readings = 0
        self.is_unavailable = False
        self._numbers = itertools.count(1)

    def add(self, truck_id: str, *, name: str, now_ms: int) -> tuple[Device, str]:
        self._check()
        secret = str(next(self._numbers)).zfill(SECRET_LENGTH)
        return self.put(secret, truck_id, name=name, now_ms=now_ms), secret

    def put(self, secret: str, truck_id: str, *, name: str = "", now_ms: int = 0) -> Device:
        """Adds a device with a known secret."""
        key = hash_of(secret)
        device = Device(device_id=key[:16], truck_id=truck_id, name=name, added_at_ms=now_ms)
        if code := breach("put_item", {"Item": to_item(device, secret_hash=key)}):
            raise client_error(code)
        self.devices[key] = device
        return device

    def find(self, secret: str) -> Device | None:
        self.readings += 1
        self._check()
        return self.devices.get(hash_of(secret))

    def list_devices(self, truck_id: str | None = None) -> list[Device]:
        self._check()
        return [one for one in self.devices.values() if truck_id in (None, one.truck_id)]

    def revoke(self, truck_id: str, device_id: str | None = None) -> list[Device]:
        revoked = [one for one in self.list_devices(truck_id) if device_id in (None, one.device_id)]
        self.devices = {key: one for key, one in self.devices.items() if one not in revoked}
        return revoked

    def _check(self) -> None:
        if self.is_unavailable:
            raise client_error("InternalServerError")
