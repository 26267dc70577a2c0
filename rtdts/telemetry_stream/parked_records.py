"""Parked records: listed, read, and removed after an operator put them back; or erased.

`rtdts.telemetry_stream.parking` parks them.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from rtdts.telemetry_stream.backup_format import is_about
from rtdts.telemetry_stream.bucket_objects import BucketObjects, ObjectEntry
from rtdts.telemetry_stream.parking import OVER_QUOTA, PREFIX, SEVERAL, several_payloads


class ParkedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One record, and what was noted about it when it was parked."""

    body: bytes
    reason: str
    detail: str
    partition_key: str | None
    """The record's partition key in the stream; None if it was not kept."""

    @property
    def records(self) -> list[bytes]:
        """The stream's records in it: one, or all points that a truck sent beyond its quota."""
        return self.body.split(b"\n") if self.reason == OVER_QUOTA else [self.body]

    def belongs_to(self, truck_id: str) -> bool:
        """Returns whether it came from the truck, or anything in it is about the truck."""
        if self.partition_key == truck_id:
            return True
        pieces = several_payloads(self.body) if self.reason == SEVERAL else self.records
        return any(is_about(piece, truck_id) for piece in pieces)


class ParkedRecords:
    """The parked records of a bucket."""

    def __init__(self, objects: BucketObjects) -> None:
        self._objects = objects

    def entries(self, prefix: str = "") -> Iterator[ObjectEntry]:
        """Yields parked records whose name (the key after ``rejected/``) begins with `prefix`."""
        return self._objects.entries(PREFIX + prefix)

    def read(self, key: str, version_id: str | None = None) -> ParkedRecord:
        """Returns a parked record by its key; its newest version unless one is named."""
        stored = self._objects.read(key, version_id)
        return ParkedRecord(
            body=stored.body,
            reason=stored.metadata.get("reason", ""),
            detail=stored.metadata.get("detail", ""),
            partition_key=stored.metadata.get("partition-key"),
        )

    def remove(self, key: str) -> None:
        """Removes a record; an older version of the object keeps its content for some days."""
        self._objects.remove(key)

    def erase_truck(self, truck_id: str, *, dry_run: bool) -> Iterator[tuple[str, int]]:
        """Deletes a truck's objects permanently, older versions included.

        An object that also holds messages that are not about the truck is deleted as a whole.

        Yields:
            The key of each version examined, and 1 if it was the truck's, else 0.
        """
        for version in self._objects.versions(PREFIX):
            holds = self.read(version.key, version.version_id).belongs_to(truck_id)
            if holds and not dry_run:
                self._objects.destroy(version)
            yield version.key, int(holds)
