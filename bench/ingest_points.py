"""The ingest handler: points per second of CPU, cost of a rejection, import time, its zip."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast
from unittest import mock

from bench.baselines import plain_ingest
from bench.figures import Benchmark, Figure, PrintLine, beside
from bench.timing import cpu_rate, interleaved
from bench.workload import fixes, truck_id
from deploy.lambdas import INGEST, PRODUCTION
from deploy.package import build_package
from deploy.wheels import Uv
from ingest_lambda import bootstrap, handler
from rtdts.tracking.blocks import Block, BlockKind, identity_subject
from rtdts.tracking.roles import TRUCK
from sim.fleet.device import Fix
from sim.setup.places import find_places

POINTS_PER_REQUEST = (1, 10, 500)
USUAL = 10
BASELINE = "json, a check per field, one stream record per point"
IMPORT = "import time; before = time.process_time(); import {}; print(time.process_time() - before)"


def run(quick: bool, print_line: PrintLine) -> Iterator[Figure]:
    """Measures."""
    count = 500 if quick else 10_000
    print_line(f"{count} points, {', '.join(map(str, POINTS_PER_REQUEST))} per request")
    of_truck = fixes(1, count, end_ms=time.time_ns() // 1_000_000)
    for size in (USUAL, *(size for size in POINTS_PER_REQUEST if size != USUAL)):
        events = [event_of(of_truck[at : at + size]) for at in range(0, count, size)]
        contenders = {
            "ours": partial(cpu_rate, count, partial(handle, events)),
            "plain": partial(cpu_rate, count, partial(_handle_plainly, events)),
        }
        rates = interleaved(contenders, repeats=1 if quick else 3)
        name = "ingest_points" if size == USUAL else f"ingest_points.{size}_per_request"
        yield beside(name, rates["ours"], "points/s per core", BASELINE, rates["plain"])
    yield from _refusals(of_truck, quick)
    repeats = 1 if quick else 7
    yield beside(
        "ingest_import_ms",
        _import_ms("ingest_lambda.handler", repeats),
        "ms",
        "import boto3",
        _import_ms("boto3", repeats),
    )
    # The line of a logged request, and the metrics of all requests of some seconds.
    line, metrics = handle([event_of(of_truck[:USUAL])]).splitlines(keepends=True)
    unit = "bytes per line"
    yield Figure(name="ingest_log_bytes", value=len(line.encode()), unit=unit)
    yield Figure(name="ingest_log_bytes.metrics", value=len(metrics.encode()), unit=unit)
    yield Figure(name="ingest_zip_kb", value=_zip_kb(), unit="kB")


def _refusals(of_truck: Sequence[Fix], quick: bool) -> Iterator[Figure]:
    """The cost of a request of a truck over its quota, beside the same request within it."""
    for size in (USUAL, *(size for size in POINTS_PER_REQUEST if size != USUAL)):
        count = 50 if quick else 500
        events = [event_of(of_truck[:size])] * count
        within, over = _app(_Blocks()), _app(_Blocks(_over_quota()))
        contenders = {
            "within": partial(cpu_rate, count, partial(_handle_by, within, events, 202)),
            "over": partial(cpu_rate, count, partial(_handle_by, over, events, 429)),
        }
        rates = interleaved(contenders, repeats=1 if quick else 3)
        name = "ingest_over_quota" if size == USUAL else f"ingest_over_quota.{size}_per_request"
        microseconds = {one: 1e6 / rate for one, rate in rates.items()}
        baseline = "the same request within the quota"
        yield beside(
            name, microseconds["over"], "µs of CPU per request", baseline, microseconds["within"]
        )


class _Stream:
    """Accepts everything."""

    def put_records(self, **request: Any) -> Mapping[str, Any]:
        return {"FailedRecordCount": 0, "Records": [{}] * len(request["Records"])}


class _Blocks:
    """Has these blocks; on most days there are none."""

    def __init__(self, *blocks: Block) -> None:
        self._blocks = blocks

    def in_force(self, _now_ms: int) -> Sequence[Block]:
        return self._blocks


def _over_quota() -> Block:
    """The block of the truck that sends all requests here."""
    now_ms = time.time_ns() // 1_000_000
    return Block(
        subject=identity_subject(TRUCK, truck_id(1)),
        kind=BlockKind.OVER_QUOTA,
        until_ms=now_ms + 3_600_000,
        reason="more than its quota",
        blocked_at_ms=now_ms,
    )


class _NoDevices:
    """Nothing here is sent by a phone."""

    def find(self, _secret: str) -> None:
        return None


_ENVIRONMENT = {
    "AWS_REGION": "eu-west-1",
    "STREAM_NAME": "stream",
    "BLOCKED_IDENTITIES_TABLE": "blocked",
    "DEVICE_CREDENTIALS_TABLE": "devices",
    # All measured requests are from one truck.
    "TRUCK_REQUESTS_PER_MINUTE": "60000",
    "TRUCK_POINTS_PER_MINUTE": "6000000",
    "QUOTA_MINUTES": "60",
}


class _Context:
    aws_request_id = "00000000-0000-0000-0000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return 29_000


@contextlib.contextmanager
def _silence() -> Iterator[io.StringIO]:
    """Captures the log: writing it is part of the cost, and it must not appear on this terminal."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        yield output


def handle(events: Sequence[Mapping[str, Any]]) -> str:
    """Handles the requests, which are accepted; returns what was logged."""
    return _handle_by(_app(_Blocks()), events, 202)


def _app(blocks: _Blocks) -> bootstrap.App:
    return bootstrap.build_app(
        _ENVIRONMENT, cast("Any", _Stream()), blocks=blocks, devices=_NoDevices()
    )


def _handle_by(app: bootstrap.App, events: Sequence[Mapping[str, Any]], status: int) -> str:
    context = _Context()
    with (
        mock.patch.object(bootstrap, "app", functools.partial(lambda it: it, app)),
        _silence() as output,
    ):
        for event in events:
            assert handler.lambda_handler(event, context)["statusCode"] == status
    return output.getvalue()


def _handle_plainly(events: Sequence[Mapping[str, Any]]) -> None:
    with _silence():
        plain_ingest.handle_all(_Stream(), events)


def event_of(of: Sequence[Any]) -> Mapping[str, Any]:
    """A request as an event of API Gateway (payload format 2.0)."""
    wire = [fix.to_wire() for fix in of]
    return {
        "routeKey": "POST /telemetry",
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "authorizer": {"jwt": {"claims": {"role": "truck", "sub": truck_id(1)}}}
        },
        "body": json.dumps(wire[0] if len(wire) == 1 else {"positions": wire}),
        "isBase64Encoded": False,
    }


def _import_ms(module: str, repeats: int) -> float:
    """CPU time of importing a module in a new process; the first is not counted: it compiles."""
    times = [
        float(
            subprocess.run(
                [sys.executable, "-c", IMPORT.format(module)],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        for _ in range(repeats + 1)
    ]
    return statistics.median(times[1:]) * 1_000


def _zip_kb() -> float:
    places = find_places()
    uv = Uv(program=places.uv, environ={**os.environ, "UV_CACHE_DIR": str(places.uv_cache)})
    archive = build_package(INGEST, target=PRODUCTION, out=places.project / "build", uv=uv)
    return archive.stat().st_size / 1_000


BENCHMARK = Benchmark(
    name="ingest_points", title="the ingest handler: CPU, refusals, import, zip", run=run
)
