"""The process's cache of devices: each is read again `READ_EVERY_S` after its last read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from rtdts.delivery_store.devices import Device, hash_of, is_secret
from rtdts.runtime.logs import Logger

READ_EVERY_S: Final = 10.0
"""Even if a read is slow, a revocation takes effect within 15 s."""
MAX_DEVICES: Final = 10_000
"""Devices kept; some megabytes."""


class DevicesUnavailableError(Exception):
    """The table can't be read, and this secret was not seen before."""


class DeviceReader(Protocol):
    """See `rtdts.delivery_store.devices.DeviceStore`."""

    def find(self, secret: str, /) -> Device | None:
        """Returns the device of a secret."""
        ...


class _Known(NamedTuple):
    device: Device
    read_at_ms: int


class KnownDevices:
    """Finds the device of a secret; for one thread.

    Only existing devices are cached, by the hashes of their secrets, so made-up secrets displace
    none. While the table can't be read, a cached device stays valid, as blocks do; the read is
    tried again after `READ_EVERY_S`.

    Args:
        store: Where the devices are. Its client needs short timeouts, because a request waits for
            it.
        log: Where a failed read is reported.
        now_ms: Wall clock: a monotonic one may stand still while a Lambda is frozen.
        max_devices: Devices cached.
    """

    def __init__(
        self,
        store: DeviceReader,
        *,
        log: Logger,
        now_ms: Callable[[], int],
        max_devices: int = MAX_DEVICES,
    ) -> None:
        self._store = store
        self._log = log
        self._now_ms = now_ms
        self._max_devices = max_devices
        self._known: dict[str, _Known] = {}
        self._reported_at_ms: int | None = None

    def holder(self, secret: str) -> Device | None:
        """Returns the device with this secret, as read at most `READ_EVERY_S` ago.

        Raises:
            DevicesUnavailableError: The table can't be read, and the device is not cached.
        """
        if not is_secret(secret):
            return None
        key, begun_at_ms = hash_of(secret), self._now_ms()
        known = self._known.get(key)
        # A clock that was set back also makes a read due.
        if known is not None and abs(begun_at_ms - known.read_at_ms) < READ_EVERY_S * 1_000:
            return known.device
        try:
            device = self._store.find(secret)
        except Exception as error:
            self._report(error, begun_at_ms)
            if known is None:
                raise DevicesUnavailableError from error
            device = known.device
        self._known.pop(key, None)
        if device is not None:
            self._keep(key, _Known(device, begun_at_ms))
        return device

    def _report(self, error: Exception, now_ms: int) -> None:
        """Logs that the table can't be read, at most once per `READ_EVERY_S`."""
        reported_at_ms = self._reported_at_ms
        if reported_at_ms is None or abs(now_ms - reported_at_ms) >= READ_EVERY_S * 1_000:
            self._log.exception("devices_not_read", error)
            self._reported_at_ms = now_ms

    def _keep(self, key: str, known: _Known) -> None:
        if len(self._known) >= self._max_devices:
            # Evicts the one that was read longest ago.
            del self._known[next(iter(self._known))]
        self._known[key] = known
