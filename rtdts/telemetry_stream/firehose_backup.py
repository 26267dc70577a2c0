"""Firehose's backup in S3: found by time, read, and rewritten without a truck.

`rtdts.telemetry_stream.backup_format` describes the objects.
"""

from __future__ import annotations

from collections.abc import Iterator

from rtdts.telemetry_stream.backup_format import (
    FAILED_FOLDER,
    POINTS_FOLDER,
    arrived_at_ms,
    plain,
    without_truck,
)
from rtdts.telemetry_stream.bucket_objects import BucketObjects, rewrite


class FirehoseBackup:
    """The backup of one delivery stream."""

    def __init__(self, objects: BucketObjects) -> None:
        self._objects = objects

    def keys(self, folder: str, *, from_ms: int, to_ms: int, after: str = "") -> Iterator[str]:
        """Yields the objects whose oldest record arrived in an interval, ordered by key.

        Args:
            folder: `POINTS_FOLDER` or `FAILED_FOLDER`.
            from_ms: The interval's start.
            to_ms: The interval's end, exclusive.
            after: Only keys after this one.
        """
        for entry in self._objects.entries(folder, after=after):
            at_ms = arrived_at_ms(entry.key)
            if from_ms <= (entry.modified_at_ms if at_ms is None else at_ms) < to_ms:
                yield entry.key

    def read(self, key: str) -> bytes:
        """Returns an object, unpacked.

        Raises:
            BrokenObjectError: It can't be unpacked.
        """
        return plain(self._objects.read(key).body)

    def erase_truck(self, truck_id: str, *, dry_run: bool) -> Iterator[tuple[str, int]]:
        """Rewrites each object without a truck's records; no version with them is left.

        Yields and raises as `rewrite`.
        """
        return rewrite(
            self._objects,
            (POINTS_FOLDER, FAILED_FOLDER),
            lambda key, body: without_truck(key, body, truck_id),
            dry_run=dry_run,
        )
