"""A bucket's objects and their older versions: overwritten and deleted content is still there.

The buckets keep versions for some days (`deploy/terraform/modules/bucket`). So an erasure must
process all versions, the current ones and the older ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from rtdts.telemetry_stream.backup_format import BrokenObjectError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class ObjectEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An existing object."""

    key: str
    modified_at_ms: int


class VersionEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One version of an object."""

    key: str
    version_id: str
    is_latest: bool


class StoredObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object's content."""

    body: bytes
    metadata: dict[str, str]


class BucketObjects:
    """One bucket.

    Every method raises ``botocore.exceptions.ClientError`` or ``BotoCoreError`` when S3 rejects or
    can't be reached.
    """

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def entries(self, prefix: str, *, after: str = "") -> Iterator[ObjectEntry]:
        """Yields the objects in the order of their keys, beginning after the key `after`."""
        more: dict[str, Any] = {"StartAfter": after} if after else {}
        while True:
            response = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, **more)
            for one in response.get("Contents", ()):
                modified_at_ms = int(one["LastModified"].timestamp() * 1000)
                yield ObjectEntry(key=one["Key"], modified_at_ms=modified_at_ms)
            if not response.get("NextContinuationToken"):
                return
            more = {"ContinuationToken": response["NextContinuationToken"]}

    def versions(self, prefix: str) -> Iterator[VersionEntry]:
        """Yields every version of every object, without delete markers."""
        more: dict[str, Any] = {}
        while True:
            response = self._client.list_object_versions(Bucket=self._bucket, Prefix=prefix, **more)
            for one in response.get("Versions", ()):
                yield VersionEntry(
                    key=one["Key"], version_id=one["VersionId"], is_latest=one["IsLatest"]
                )
            if not response.get("IsTruncated"):
                return
            more = {
                "KeyMarker": response["NextKeyMarker"],
                "VersionIdMarker": response["NextVersionIdMarker"],
            }

    def read(self, key: str, version_id: str | None = None) -> StoredObject:
        """Returns an object's content, by default that of its newest version."""
        version: dict[str, Any] = {"VersionId": version_id} if version_id else {}
        response = self._client.get_object(Bucket=self._bucket, Key=key, **version)
        return StoredObject(
            body=response["Body"].read(), metadata=dict(response.get("Metadata", {}))
        )

    def replace(self, version: VersionEntry, body: bytes) -> None:
        """Puts a new version of an object, then deletes the old one permanently."""
        response = self._client.put_object(
            Bucket=self._bucket, Key=version.key, Body=body, ContentType="application/octet-stream"
        )
        if response.get("VersionId"):  # else the bucket keeps no versions: the old one is gone
            self.destroy(version)

    def remove(self, key: str) -> None:
        """Deletes an object; with versioning its content remains readable for some days."""
        self._client.delete_object(Bucket=self._bucket, Key=key)

    def destroy(self, version: VersionEntry) -> None:
        """Deletes a version permanently."""
        self._client.delete_object(
            Bucket=self._bucket, Key=version.key, VersionId=version.version_id
        )


def rewrite(
    objects: BucketObjects,
    prefixes: Iterable[str],
    without: Callable[[str, bytes], tuple[bytes, int]],
    *,
    dry_run: bool,
) -> Iterator[tuple[str, int]]:
    """Rewrites each object without some of its records; no version with them is left.

    The new version is written before the old one is deleted: a crash in between loses no record
    that is kept, and a second run finds the old version. An object that can't be read stays as it
    is, and does not stop the others.

    Args:
        objects: The bucket's objects.
        prefixes: Prefixes of the keys to process.
        without: From an object's key and body, returns the object without the records, and how many
            were removed; the object is empty when none is left. Raises `BrokenObjectError`.
        dry_run: Whether only to count.

    Yields:
        The key of each version examined, and how many of the records it held.

    Raises:
        BrokenObjectError: Some versions can't be read; raised after all others were processed. The
            message names each of them.
    """
    broken = []
    for prefix in prefixes:
        for version in objects.versions(prefix):
            body = objects.read(version.key, version.version_id).body
            try:
                rest, lost = without(version.key, body)
            except BrokenObjectError as error:
                broken.append(f"{version.key} (version {version.version_id}): {error}")
                rest, lost = body, 0
            if lost and not dry_run:
                if rest and version.is_latest:
                    objects.replace(version, rest)
                else:
                    objects.destroy(version)
            yield version.key, lost
    if broken:
        raise BrokenObjectError("; ".join(broken))
