"""The engines that the consumer works between, and nothing else: no gateways, no Firehose.

Parts that are not measured must not take the two cores of a small machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3

from bench.figures import CannotMeasureError, PrintLine
from rtdts.position_store.client import connect
from rtdts.position_store.index_definitions import install_index_templates
from rtdts.telemetry_stream.aggregation import aggregate
from rtdts.telemetry_stream.calls import calls_of
from rtdts.tracking.positions import Point
from rtdts.tracking.stream_codec import encode_point
from sim.environment import Environment
from sim.local_cloud.applications import Intervals, consumer_part
from sim.local_cloud.engines import ministack_part, opensearch_part
from sim.local_cloud.kcl_tables import create_kcl_tables
from sim.local_cloud.parts import Part
from sim.local_cloud.ports import HOST, free_ports
from sim.local_cloud.resources import (
    ACCESS_KEY_ID,
    SECRET_ACCESS_KEY,
    CloudNames,
    create_resources,
    local_session,
)
from sim.local_cloud.stack import REGION
from sim.local_cloud.supervisor import Supervisor
from sim.setup.jars import kcl_jars
from sim.setup.java import find_java
from sim.setup.opensearch import node_files
from sim.setup.places import find_places

SHARDS = 2
"""Shards of a stream: two processes of the consumer, on two cores."""

_CALL_RECORDS, _CALL_BYTES = 500, 4_000_000
_POLL_EVERY_S = 0.2
LOCAL_AWS = "local_aws"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Work:
    """What consumers reported.

    Attributes:
        points: Points made durable.
        elapsed_s: From the start of the first batch to the end of the last.
    """

    points: int
    elapsed_s: float
    cpu_s: Mapping[str, float] = dataclasses.field(default_factory=dict)
    """CPU time of the consumers' Python processes, their daemon and the node in that time and a
    little more: the samples are not taken exactly at the start and end of the batches."""
    ended_s: float = 0.0
    """When the last batch ended."""
    done_after_s: float = 0.0
    """Seconds from `ended_s` until all remaining work was done."""

    @property
    def rate(self) -> float:
        """Points per second."""
        return self.points / self.elapsed_s

    @property
    def cpu_us_by_part(self) -> dict[str, float]:
        """CPU time per point, in µs, by process."""
        return {name: spent_s / self.points * 1e6 for name, spent_s in self.cpu_s.items()}

    @property
    def cpu_us(self) -> float:
        """CPU time per point, in µs, of all processes except the local AWS."""
        return sum(us for name, us in self.cpu_us_by_part.items() if name != LOCAL_AWS)


class Engines:
    """The local AWS and an OpenSearch node, both running."""

    def __init__(
        self, environment: Environment, supervisor: Supervisor, run_dir: Path, java: Path
    ) -> None:
        self.environment = environment
        self.opensearch = connect(environment.opensearch_url)
        self.run_dir = run_dir
        self.java = java
        self._supervisor = supervisor
        self._session: boto3.Session = local_session(REGION)
        self._numbers = itertools.count(1)
        self._ends: dict[str, dict[str, str]] = {}

    def client(self, service: Any) -> Any:
        """A client of the local AWS."""
        return self._session.client(service, endpoint_url=self.environment.aws_endpoint_url)

    def new_stream(self, records: Iterable[tuple[str, bytes]]) -> str:
        """A stream that holds these records, each with its partition key.

        Returns:
            Its name, which is also that of a KCL application whose tables are there.
        """
        name = f"bench-{next(self._numbers)}"
        kinesis = self.client("kinesis")
        kinesis.create_stream(StreamName=name, ShardCount=SHARDS)
        kinesis.get_waiter("stream_exists").wait(
            StreamName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
        )
        shards = kinesis.list_shards(StreamName=name)["Shards"]
        create_kcl_tables(self.client("dynamodb"), name, shards)
        self.put(name, records)
        return name

    def put(self, stream: str, records: Iterable[tuple[str, bytes]]) -> None:
        """Puts records, each with its partition key, at the end of a stream."""
        kinesis = self.client("kinesis")
        ends = self._ends.setdefault(stream, {})
        for call in calls_of(
            records, lambda one: len(one[1]), max_items=_CALL_RECORDS, max_bytes=_CALL_BYTES
        ):
            response = kinesis.put_records(
                StreamName=stream,
                Records=[{"PartitionKey": key, "Data": data} for key, data in call],
            )
            for one in response["Records"]:
                ends[one["ShardId"]] = one["SequenceNumber"]

    def is_checkpointed(self, stream: str) -> bool:
        """Whether its consumer's checkpoints cover everything that was put into a stream."""
        leases = self.client("dynamodb").scan(TableName=stream, ConsistentRead=True)["Items"]
        checkpoints = {lease["leaseKey"]["S"]: lease["checkpoint"]["S"] for lease in leases}
        return all(
            checkpoints[shard_id].isdecimal() and int(checkpoints[shard_id]) >= int(end)
            for shard_id, end in self._ends[stream].items()
        )

    def consumer(
        self,
        stream: str,
        *,
        settings: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Part:
        """The real consumer on a stream.

        Args:
            stream: The stream.
            settings: Settings of the consumer that differ from the default.
            variables: Additional environment variables of its processes.
        """
        return consumer_part(
            dataclasses.replace(self.environment, stream_name=stream),
            Intervals(),
            application=stream,
            shards=SHARDS,
            java=self.java,
            extra_jars=kcl_jars(find_places()),
            work_folder=self.run_dir / stream,
            settings={**(variables or {}), **(settings or {})},
        )

    async def work_of(
        self,
        part: Part,
        points: int,
        *,
        within_s: float,
        is_done: Callable[[], bool] = lambda: True,
    ) -> Work:
        """Runs a consumer until it has reported a number of points.

        Args:
            part: The consumer.
            points: How many points.
            within_s: How long that may take.
            is_done: Whether the remaining work is done then; called repeatedly.

        Raises:
            CannotMeasureError: It has not reported them in time.
        """
        await self._supervisor.start(part)
        log = self.run_dir / f"{part.name}.log"
        deadline_s = time.monotonic() + within_s
        try:
            before = self._cpu_s(part)
            while True:
                work = _work_in(log.read_text(encoding="utf-8", errors="replace"))
                if work is not None and work.points >= points and is_done():
                    after = self._cpu_s(part)
                    spent = {name: after[name] - before[name] for name in after}
                    done_s = time.time() - work.ended_s
                    return dataclasses.replace(work, cpu_s=spent, done_after_s=done_s)
                if time.monotonic() > deadline_s:
                    done = work.points if work else 0
                    raise CannotMeasureError(f"{done} of {points} points after {within_s:g} s")
                await asyncio.sleep(_POLL_EVERY_S)  # there is no event for a new line of a log
        finally:
            await self._supervisor.stop([part.name], grace_s=10)

    def node_cpu_s(self) -> float:
        """CPU time that the OpenSearch node has spent so far."""
        return _cpu_s_of(int((self.run_dir / "opensearch.pid").read_text()))

    def _cpu_s(self, part: Part) -> dict[str, float]:
        daemon, node, aws = (
            int((self.run_dir / f"{name}.pid").read_text())
            for name in (part.name, "opensearch", "ministack")
        )
        return {
            "processors": sum(map(_cpu_s_of, _children(daemon))),
            "daemon": _cpu_s_of(daemon),
            "node": _cpu_s_of(node),
            LOCAL_AWS: _cpu_s_of(aws),
        }


@asynccontextmanager
async def engines(print_line: PrintLine) -> AsyncIterator[Engines]:
    """Starts the engines on free ports; stops them at the end of the block."""
    places = find_places()
    ports = free_ports()
    aws_url = f"http://{HOST}:{ports.ministack}"
    opensearch_url = f"http://{HOST}:{ports.opensearch}"
    with tempfile.TemporaryDirectory(prefix="rtdts-bench-") as folder:
        run_dir = Path(folder)
        supervisor = Supervisor(run_dir, print_line)
        java = find_java(os.environ, places.python)
        try:
            await supervisor.start(
                ministack_part(places, ports, region=REGION, scratch=run_dir / "ministack"),
                opensearch_part(node_files(places, java), ports, home=run_dir / "opensearch"),
            )
            created = create_resources(aws_url, REGION, CloudNames(), shard_count=1)
            names = created.names
            environment = Environment(
                server_url=aws_url,
                websocket_url=aws_url,
                opensearch_url=opensearch_url,
                aws_endpoint_url=aws_url,
                region=REGION,
                access_key_id=ACCESS_KEY_ID,
                secret_access_key=SECRET_ACCESS_KEY,
                deliveries_table=names.tables.deliveries,
                delivery_events_table=names.tables.delivery_events,
                truck_matches_table=names.tables.truck_matches,
                blocked_identities_table=names.tables.blocked_identities,
                nudge_queue_url=created.queue_urls["nudges"],
                parked_bucket=names.parked_bucket,
            )
            running = Engines(environment, supervisor, run_dir, java)
            install_index_templates(running.opensearch)
            yield running
        finally:
            await supervisor.stop_all()


def stream_records(of_trucks: Sequence[Sequence[Point]], size: int) -> Iterable[tuple[str, bytes]]:
    """What ingest writes when trucks send `size` points per request, the trucks in turn."""
    longest = max(map(len, of_trucks))
    for start in range(0, longest, size):
        for of in of_trucks:
            if part := of[start : start + size]:
                truck = part[0].truck_id
                yield truck, aggregate(truck, [encode_point(point) for point in part])


def _work_in(log: str) -> Work | None:
    batches = [
        line
        for text in log.splitlines()
        if text.startswith("{") and (line := _parsed(text)).get("event") == "batch"
    ]
    if not batches:
        return None
    # The former consumer's log lines use another name for it.
    ends_s = [_seconds(line.get("timestamp") or line["at"]) for line in batches]
    begins_s = [
        end_s - line["duration_ms"] / 1_000 for end_s, line in zip(ends_s, batches, strict=True)
    ]
    return Work(
        points=sum(line["points"] for line in batches),
        elapsed_s=max(ends_s) - min(begins_s),
        ended_s=max(ends_s),
    )


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        parsed: Mapping[str, Any] = json.loads(text)
    except ValueError:  # it is being written
        return {}
    return parsed


def _children(pid: int) -> list[int]:
    # Not by /proc/…/children: it may leave out some while a process ends (see proc(5)).
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # ended meanwhile
            if int(_stat_of(int(process.name))[1]) == pid:
                found.append(int(process.name))
    return found


def _cpu_s_of(pid: int) -> float:
    fields = _stat_of(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _stat_of(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on, the state."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _seconds(instant: str) -> float:
    return datetime.fromisoformat(instant).timestamp()
