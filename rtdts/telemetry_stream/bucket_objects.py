"""A bucket's objects, with their older versions: what was overwritten or deleted is still there.

The buckets keep versions for some days (`deploy/terraform/modules/bucket`). So whoever erases must
go through the versions, the current ones and those before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import msgspec

from rtdts.telemetry_stream.backup_format import BrokenObjectError


class ObjectsClient(Protocol):
    """What is used of the SDK's S3 client."""

    def list_objects_v2(self, **request: Any) -> Mapping[str, Any]:
        """``ListObjectsV2``."""
        ...

    def list_object_versions(self, **request: Any) -> Mapping[str, Any]:
        """``ListObjectVersions``."""
        ...

    def get_object(self, **request: Any) -> Mapping[str, Any]:
        """``GetObject``."""
        ...

    def put_object(self, **request: Any) -> Mapping[str, Any]:
        """``PutObject``."""
        ...

    def delete_object(self, **request: Any) -> Mapping[str, Any]:
        """``DeleteObject``."""
        ...


class ObjectEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An object that is there."""

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

    Every method raises ``botocore.exceptions.ClientError`` or ``BotoCoreError`` when S3 refuses or
    can't be reached.
    """

    def __init__(self, client: ObjectsClient, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def entries(self, prefix: str, *, after: str = "") -> Iterator[ObjectEntry]:
        """Objects by key, in its order, those up to the key `after` left out."""
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
        """Every version of every object, without the marks that say an object was deleted."""
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
        """An object's content; its newest version's unless one is named."""
        version = {"VersionId": version_id} if version_id else {}
        response = self._client.get_object(Bucket=self._bucket, Key=key, **version)
        return StoredObject(
            body=response["Body"].read(), metadata=dict(response.get("Metadata", {}))
        )

    def replace(self, version: VersionEntry, body: bytes) -> None:
        """Puts a new version of an object, then deletes the old one for good."""
        response = self._client.put_object(
            Bucket=self._bucket, Key=version.key, Body=body, ContentType="application/octet-stream"
        )
        if response.get("VersionId"):  # else the bucket keeps none, and the old one is gone already
            self.destroy(version)

    def remove(self, key: str) -> None:
        """Deletes an object; in a bucket with versions its content can be had for some days."""
        self._client.delete_object(Bucket=self._bucket, Key=key)

    def destroy(self, version: VersionEntry) -> None:
        """Deletes a version for good."""
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

    The new version comes before the old one goes: a crash between them loses nothing of what is
    kept, and a second run finds the old one. An object that can't be read stays as it is, and holds
    up no other.

    Args:
        objects: The bucket's.
        prefixes: Of the keys that are gone through.
        without: An object without the records, and how many it lost, from its key and its body; the
            object is empty when none is left. Raises `BrokenObjectError`.
        dry_run: Whether only to count.

    Yields:
        The key of each version looked at, and how many of the records it held.

    Raises:
        BrokenObjectError: After all was gone through: some can't be read. Its message names each
            version of them.
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
