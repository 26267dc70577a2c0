"""ingest_lambda with its settings, on a stream in memory."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from ingest_lambda import bootstrap, handler
from ingest_lambda.bootstrap import App, build_app
from ingest_lambda.service import METRICS
from rtdts.runtime.logs import Logger
from rtdts.runtime.metric_sums import MetricSums
from rtdts.runtime.metrics import MetricWriter
from rtdts.runtime.point_trace import PointTrace
from rtdts.tracking.positions import Point
from rtdts.tracking.stream_codec import decode_point
from tests.fakes.fake_block_store import FakeBlockStore
from tests.fakes.fake_devices import FakeDeviceStore
from tests.fakes.fake_stream import FakeStream
from tests.support.aws_events import aws_event
from tests.support.telemetry_points import telemetry_point

NOW_MS = 1_795_503_168_120
REQUIRED = {
    "STREAM_NAME": "points",
    "BLOCKED_IDENTITIES_TABLE": "blocked",
    "DEVICE_CREDENTIALS_TABLE": "devices",
}


class Context:
    """The Lambda's context."""

    aws_request_id = "8f507cfc-example"

    def __init__(self, remaining_ms: int = 29_000) -> None:
        self._remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        return self._remaining_ms


class Lambda:
    """The Lambda with its settings, wired to a fake stream."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stream: FakeStream, **environ: str) -> None:
        self.stream = stream
        self.blocks = FakeBlockStore()
        self.devices = FakeDeviceStore()
        self.now_ms = NOW_MS
        self.lines = io.StringIO()
        built = build_app(
            {
                **REQUIRED,
                "PUT_DEADLINE_S": "0",
                "LOG_ONE_OF": "1",
                "METRICS_EVERY_S": "0",
                **environ,
            },
            stream,
            blocks=self.blocks,
            devices=self.devices,
            now_ms=lambda: self.now_ms,
        )
        app = App(
            service=built.service,
            phones=built.phones,
            settings=built.settings,
            log=Logger("ingest_lambda", self.lines),
            metrics=MetricSums(
                MetricWriter("ingest_lambda", METRICS, stream=self.lines),
                every_s=built.settings.metrics_every_s,
            ),
            sample=built.sample,
            trace=PointTrace(environ.get("TRACE_TRUCKS", ""), Logger("ingest_lambda", self.lines)),
        )
        monkeypatch.setattr(bootstrap, "app", lambda: app)

    def __call__(self, event: dict[str, Any]) -> tuple[int, dict[str, Any], dict[str, str]]:
        response = handler.lambda_handler(event, Context())
        return response["statusCode"], json.loads(response["body"]), response["headers"]

    @property
    def points(self) -> list[Point]:
        return [decode_point(record.data) for record in self.stream.user_records]

    @property
    def logged(self) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.lines.getvalue().splitlines()]
        return [line for line in lines if "_aws" not in line]

    @property
    def emitted(self) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.lines.getvalue().splitlines()]
        return [line for line in lines if "_aws" in line]


def sending(body: Any, **claims: str) -> dict[str, Any]:
    event = aws_event("http_api_post_telemetry")
    event["body"] = body if isinstance(body, str) else json.dumps(body)
    event["requestContext"]["authorizer"]["jwt"]["claims"] |= claims
    return event


def point(age_ms: int = 0, **fields: Any) -> dict[str, Any]:
    return telemetry_point(NOW_MS - age_ms, **fields)
