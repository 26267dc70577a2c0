"""The process's cache of devices: each is read again `READ_EVERY_S` after its last read.

Anyone can send secrets that no device has, so their reads are bounded: each secret is read once per
`READ_EVERY_S`, and each address causes at most `GUESSES_PER_MINUTE` such reads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from rtdts.delivery_store.devices import Device, hash_of, is_secret
from rtdts.runtime.logs import Logger
from rtdts.runtime.rate_limits import RateLimits

READ_EVERY_S: Final = 10.0
"""Even if a read is slow, a revocation takes effect within 15 s."""
MAX_DEVICES: Final = 10_000
"""Devices kept; they take some megabytes."""
GUESSES_PER_MINUTE: Final = 60
"""Reads per minute and address that find no device; all of a minute's may come at once. Phones of a
carrier may share an address; cached devices are not affected."""
MAX_UNKNOWN: Final = 1_000
"""Unknown secrets kept: those that no device has."""


class DevicesUnavailableError(Exception):
    """The table can't be read, and this secret was not seen before."""


class TooManyGuessesError(Exception):
    """Too many secrets that no device has came from this address; this one was not read.

    Attributes:
        wait_ms: Time until the next secret is read.
    """

    def __init__(self, wait_ms: float) -> None:
        super().__init__("too many secrets that no device has")
        self.wait_ms = wait_ms


class DeviceReader(Protocol):
    """See `rtdts.delivery_store.devices.DeviceStore`."""

    def find(self, secret: str, /) -> Device | None:
        """Returns the device of a secret."""


class _Known(NamedTuple):
    device: Device
    read_at_ms: int


class KnownDevices:
    """Finds the device of a secret; for one thread.

    Devices are cached by the hashes of their secrets. Unknown secrets are cached separately, so
    made-up secrets displace no device. While the table can't be read, a cached device stays valid,
    as blocks do; the read is retried after `READ_EVERY_S`.

    Args:
        store: Reads the devices. Its client needs short timeouts, because requests wait for it.
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
        self._unknown_at_ms: dict[str, int] = {}
        """When a secret that no device has was read, by its hash."""
        self._guesses = RateLimits(per_minute=GUESSES_PER_MINUTE, burst_minutes=1)
        self._reported_at_ms: int | None = None

    def holder(self, secret: str, address: str) -> Device | None:
        """Returns the device with this secret, as read at most `READ_EVERY_S` ago.

        Args:
            secret: The secret that was sent.
            address: The sender's address.

        Raises:
            DevicesUnavailableError: The table can't be read, and the device is not cached.
            TooManyGuessesError: The device is not cached, and too many secrets came from the
                address that no device has.
        """
        if not is_secret(secret):
            return None
        key, begun_at_ms = hash_of(secret), self._now_ms()
        known = self._known.get(key)
        if known is not None and _is_recent(known.read_at_ms, begun_at_ms):
            return known.device
        unknown_at_ms = self._unknown_at_ms.get(key)
        if unknown_at_ms is not None and _is_recent(unknown_at_ms, begun_at_ms):
            return None
        if known is None and (wait_ms := self._guesses.wait_ms(address, begun_at_ms)) > 0:
            raise TooManyGuessesError(wait_ms)
        try:
            device = self._store.find(secret)
        except Exception as error:
            self._report(error, begun_at_ms)
            if known is None:
                self._guesses.spend(address, 1, begun_at_ms)
                raise DevicesUnavailableError from error
            device = known.device
        self._known.pop(key, None)
        self._unknown_at_ms.pop(key, None)
        if device is not None:
            self._keep(key, _Known(device, begun_at_ms))
        else:
            self._guesses.spend(address, 1, begun_at_ms)
            self._keep_unknown(key, begun_at_ms)
        return device

    def _report(self, error: Exception, now_ms: int) -> None:
        """Logs that the table can't be read, at most once per `READ_EVERY_S`."""
        reported_at_ms = self._reported_at_ms
        if reported_at_ms is None or not _is_recent(reported_at_ms, now_ms):
            self._log.exception("devices_not_read", error)
            self._reported_at_ms = now_ms

    def _keep(self, key: str, known: _Known) -> None:
        if len(self._known) >= self._max_devices:
            # Evicts the one that was read longest ago.
            del self._known[next(iter(self._known))]
        self._known[key] = known

    def _keep_unknown(self, key: str, read_at_ms: int) -> None:
        if len(self._unknown_at_ms) >= MAX_UNKNOWN:
            del self._unknown_at_ms[next(iter(self._unknown_at_ms))]
        self._unknown_at_ms[key] = read_at_ms


def _is_recent(read_at_ms: int, now_ms: int) -> bool:
    """Returns whether a read need not be repeated yet; a clock that was set back makes it due."""
    return abs(now_ms - read_at_ms) < READ_EVERY_S * 1_000
