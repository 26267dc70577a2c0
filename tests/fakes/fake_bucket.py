"""A bucket with versions, with the calls of the SDK's S3 client that our code uses."""

from __future__ import annotations

import dataclasses
import io
import itertools
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from tests.fakes.scripted_client import AnyClient

PAGE = 3
"""Objects per response; S3 gives 1,000."""


@dataclasses.dataclass(kw_only=True)
class Version:
    key: str
    version_id: str
    body: bytes | None
    """None: a delete marker."""
    metadata: dict[str, str]
    modified_at: datetime


class FakeVersionedBucket(AnyClient):
    """Stands for one bucket with versioning, as in S3.

    Attributes:
        now: The modification time of new objects.
        fails_at: Operations that fail once each.
    """

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 12, tzinfo=UTC)
        self.fails_at: list[str] = []
        self._versions: list[Version] = []
        self._numbers = itertools.count(1)

    @property
    def objects(self) -> dict[str, bytes]:
        """The current versions of all objects."""
        return {
            key: version.body
            for key in sorted({one.key for one in self._versions})
            if (version := self._latest(key)) is not None and version.body is not None
        }

    @property
    def bodies(self) -> list[bytes]:
        """The bodies of all versions that can still be read."""
        return [one.body for one in self._versions if one.body is not None]

    def put_object(self, **request: Any) -> dict[str, Any]:
        self._may_fail("put_object")
        version = self._add(request["Key"], request["Body"], request.get("Metadata", {}))
        return {"VersionId": version.version_id}

    def get_object(self, **request: Any) -> dict[str, Any]:
        self._may_fail("get_object")
        found = (
            self._by_id(request["Key"], request["VersionId"])
            if "VersionId" in request
            else self._latest(request["Key"])
        )
        if found is None or found.body is None:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(found.body), "Metadata": dict(found.metadata)}

    def delete_object(self, **request: Any) -> dict[str, Any]:
        self._may_fail("delete_object")
        if "VersionId" in request:
            self._versions = [
                one
                for one in self._versions
                if (one.key, one.version_id) != (request["Key"], request["VersionId"])
            ]
        else:
            self._add(request["Key"], None, {})
        return {}

    def list_objects_v2(self, **request: Any) -> dict[str, Any]:
        after = request.get("ContinuationToken") or request.get("StartAfter", "")
        keys = [key for key in self.objects if key.startswith(request["Prefix"]) and key > after]
        page = keys[:PAGE]
        response: dict[str, Any] = {
            "Contents": [
                {"Key": key, "LastModified": version.modified_at}
                for key in page
                if (version := self._latest(key)) is not None
            ]
        }
        if len(keys) > PAGE:
            response["NextContinuationToken"] = page[-1]
        return response

    def list_object_versions(self, **request: Any) -> dict[str, Any]:
        prefix = request["Prefix"]
        listed = sorted(
            (one for one in self._versions if one.key.startswith(prefix)),
            key=lambda one: (one.key, -int(one.version_id)),
        )
        marker = (request.get("KeyMarker", ""), -int(request.get("VersionIdMarker", 0)))
        if "KeyMarker" in request:
            listed = [one for one in listed if (one.key, -int(one.version_id)) > marker]
        page = listed[:PAGE]
        response: dict[str, Any] = {
            "Versions": [
                {
                    "Key": one.key,
                    "VersionId": one.version_id,
                    "IsLatest": one is self._latest(one.key),
                }
                for one in page
                if one.body is not None
            ],
            "IsTruncated": len(listed) > PAGE,
        }
        if response["IsTruncated"]:
            response["NextKeyMarker"] = page[-1].key
            response["NextVersionIdMarker"] = page[-1].version_id
        return response

    def _add(self, key: str, body: bytes | None, metadata: dict[str, str]) -> Version:
        version = Version(
            key=key,
            version_id=str(next(self._numbers)),
            body=body,
            metadata=dict(metadata),
            modified_at=self.now,
        )
        self._versions.append(version)
        return version

    def _latest(self, key: str) -> Version | None:
        return next((one for one in reversed(self._versions) if one.key == key), None)

    def _by_id(self, key: str, version_id: str) -> Version | None:
        return next((o for o in self._versions if (o.key, o.version_id) == (key, version_id)), None)

    def _may_fail(self, operation: str) -> None:
        if operation in self.fails_at:
            self.fails_at.remove(operation)
            raise ClientError({"Error": {"Code": "SlowDown"}}, operation)
