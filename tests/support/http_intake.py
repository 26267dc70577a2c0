"""Ingest over HTTP on a stream in memory, to compare other endpoints with."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from rtdts.ingest.intake import Intake
from rtdts.runtime.deadline import Deadline
from rtdts.telemetry_stream.putter import StreamPutter
from rtdts.tracking.positions import Point
from rtdts.tracking.stream_codec import decode_point
from tests.fakes.fake_stream import FakeStream


def over_http(body: bytes, truck_id: str, received_at_ms: int) -> list[Point]:
    """Returns the points that are put into the stream for a body sent over HTTP."""
    stream = FakeStream()
    Intake(StreamPutter(stream, "points"), first_generation_zone=ZoneInfo("Asia/Seoul")).ingest(
        body,
        truck_id=truck_id,
        received_at_ms=received_at_ms,
        source="http",
        deadline=Deadline(0),
    )
    return [decode_point(each.data) for each in stream.user_records]
