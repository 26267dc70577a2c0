"""The operators' commands on fakes."""

from __future__ import annotations

import dataclasses

from operations.console import Console
from operations.rate_limiter import RateLimiter
from operations.stream_replayer import StreamReplayer
from rtdts.runtime.deadline import Deadline
from rtdts.telemetry_stream.bucket_objects import BucketObjects
from rtdts.telemetry_stream.firehose_backup import FirehoseBackup
from rtdts.telemetry_stream.parked_records import ParkedRecords
from rtdts.telemetry_stream.parking import Parking
from rtdts.telemetry_stream.putter import StreamPutter
from tests.fakes.fake_bucket import FakeVersionedBucket
from tests.fakes.fake_stream import FakeStream


@dataclasses.dataclass
class World:
    """Buckets, a stream and the printed lines."""

    parked_bucket: FakeVersionedBucket = dataclasses.field(default_factory=FakeVersionedBucket)
    backup_bucket: FakeVersionedBucket = dataclasses.field(default_factory=FakeVersionedBucket)
    stream: FakeStream = dataclasses.field(default_factory=FakeStream)
    lines: list[str] = dataclasses.field(default_factory=list)

    @property
    def parking(self) -> Parking:
        return Parking(self.parked_bucket, "parked")

    @property
    def parked(self) -> ParkedRecords:
        return ParkedRecords(BucketObjects(self.parked_bucket, "parked"))

    @property
    def backup(self) -> FirehoseBackup:
        return FirehoseBackup(BucketObjects(self.backup_bucket, "backup"))

    @property
    def console(self) -> Console:
        return Console(self.lines.append)

    @property
    def replayer(self) -> StreamReplayer:
        putter = StreamPutter(self.stream, "telemetry", sleep=lambda _: None)
        return StreamReplayer(putter, quick(), deadline=lambda: Deadline(0.0))

    @property
    def streamed(self) -> list[tuple[str, bytes]]:
        """Returns the user records that the KCL would deliver, with their keys."""
        return [(one.partition_key, one.data) for one in self.stream.user_records]


def quick() -> RateLimiter:
    """Returns a pace that never waits."""
    return RateLimiter(1e9, clock=lambda: 0.0, sleep=lambda _: None)
