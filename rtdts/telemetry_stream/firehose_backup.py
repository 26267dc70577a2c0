"""Firehose's backup in S3: found by time, read, and rewritten without a truck.

What an object looks like is in `rtdts.telemetry_stream.backup_format`.
"""

from __future__ import annotations

from collections.abc import Iterator

from rtdts.telemetry_stream.backup_format import (
    FAILED_FOLDER,
    POINTS_FOLDER,
    BrokenObjectError,
    arrived_at_ms,
    plain,
    without_truck,
)
from rtdts.telemetry_stream.bucket_objects import BucketObjects


class FirehoseBackup:
    """The backup of one delivery stream."""

    def __init__(self, objects: BucketObjects) -> None:
        self._objects = objects

    def keys(self, folder: str, *, from_ms: int, to_ms: int, after: str = "") -> Iterator[str]:
        """Objects whose oldest record arrived in a time, in the order of their keys.

        Args:
            folder: `POINTS_FOLDER` or `FAILED_FOLDER`.
            from_ms: The time's beginning.
            to_ms: Its end, itself not included.
            after: Only keys behind this one.
        """
        for entry in self._objects.entries(folder, after=after):
            at_ms = arrived_at_ms(entry.key)
            if from_ms <= (entry.modified_at_ms if at_ms is None else at_ms) < to_ms:
                yield entry.key

    def read(self, key: str) -> bytes:
        """An object, unpacked.

        Raises:
            BrokenObjectError: It can't be unpacked.
        """
        return plain(self._objects.read(key).body)

    def erase_truck(self, truck_id: str, *, dry_run: bool) -> Iterator[tuple[str, int]]:
        """Rewrites each object without a truck's records; no version with them is left.

        The new version comes before the old one goes: a crash between them loses nothing of the
        other trucks, and a second run finds the old one. An object that can't be unpacked stays as
        it is, and holds nobody up.

        Yields:
            The key of each version looked at, and how many of the truck's records it held.

        Raises:
            BrokenObjectError: After all was gone through: some can't be unpacked. Its message
                names each version of them.
        """
        broken = []
        for folder in (POINTS_FOLDER, FAILED_FOLDER):
            for version in self._objects.versions(folder):
                body = self._objects.read(version.key, version.version_id).body
                try:
                    rest, lost = without_truck(version.key, body, truck_id)
                except BrokenObjectError as error:
                    broken.append(f"{version.key} (version {version.version_id}): {error}")
                    rest, lost = body, 0
                if lost and not dry_run:
                    if rest and version.is_latest:
                        self._objects.replace(version, rest)
                    else:
                        self._objects.destroy(version)
                yield version.key, lost
        if broken:
            raise BrokenObjectError("; ".join(broken))
