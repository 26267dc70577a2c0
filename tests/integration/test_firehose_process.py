"""The stand-in for Firehose as a process that is killed at the worst moment."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rtdts.telemetry_stream.aggregation import aggregate
from sim.local_cloud.resources import (
    ACCESS_KEY_ID,
    SECRET_ACCESS_KEY,
    CloudNames,
    create_resources,
    local_session,
)
from tests.support.corrected_ministack import corrected_ministack
from tests.support.ministack_process import REGION
from tests.support.source_tree import ROOT
from tests.support.waiting import DEADLINE_S


class BulkServer:
    """Stands in for OpenSearch's `_bulk`: keeps the documents, and can delay its responses."""

    def __init__(self) -> None:
        self.documents: list[tuple[str, bytes]] = []
        self.responding = threading.Event()
        self.responding.set()
        self.changed = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                lines = self.rfile.read(int(self.headers["Content-Length"])).splitlines()
                heads = [json.loads(head)["index"] for head in lines[::2]]
                assert all("_id" not in head for head in heads)
                with outer.changed:
                    outer.documents += [
                        (head["_index"], source)
                        for head, source in zip(heads, lines[1::2], strict=True)
                    ]
                    outer.changed.notify_all()
                outer.responding.wait()
                items = [{"index": {"status": 201}}] * len(heads)
                body = json.dumps({"errors": False, "items": items}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def sequence_numbers(self) -> list[int]:
        return [json.loads(source)["seq"] for _, source in self.documents]

    def wait_for(self, *expected: int) -> None:
        with self.changed:
            arrived = self.changed.wait_for(
                lambda: set(expected) <= set(self.sequence_numbers()), timeout=DEADLINE_S
            )
        assert arrived, f"only {sorted(set(self.sequence_numbers()))} arrived"


@pytest.fixture
def raw_log() -> Iterator[BulkServer]:
    server = BulkServer()
    yield server
    server.responding.set()
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with corrected_ministack(tmp_path_factory.mktemp("ministack")) as url:
        create_resources(url, REGION, CloudNames())
        yield url


class World:
    """One stream, one position file, and one Firehose process after another."""

    def __init__(self, endpoint: str, raw_log: BulkServer, folder: Path) -> None:
        self.kinesis = local_session(REGION).client("kinesis", endpoint_url=endpoint)
        self.position_file = folder / "position.json"
        self.stream = f"stream-{folder.name}"
        self.kinesis.create_stream(StreamName=self.stream, ShardCount=2)
        self.kinesis.get_waiter("stream_exists").wait(
            StreamName=self.stream, WaiterConfig={"Delay": 1}
        )
        self._variables = {
            **os.environ,
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "STREAM_NAME": self.stream,
            "OPENSEARCH_URL": f"http://127.0.0.1:{raw_log.server.server_port}",
            "RAW_BACKUP_BUCKET": CloudNames().raw_backup_bucket,
            "FIREHOSE_POSITION_FILE": str(self.position_file),
        }
        self.running: list[subprocess.Popen[bytes]] = []

    def put(self, truck_id: str, *numbers: int) -> None:
        payloads = [json.dumps({"truck_id": truck_id, "seq": n}).encode() for n in numbers]
        self.kinesis.put_record(
            StreamName=self.stream, Data=aggregate(truck_id, payloads), PartitionKey=truck_id
        )

    def start(self, interval_s: float = 0.1) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "sim.local_cloud.firehose"],
            cwd=ROOT,
            env=self._variables | {"FIREHOSE_INTERVAL_S": str(interval_s)},
        )
        self.running.append(process)
        return process


@pytest.fixture
def world(endpoint: str, raw_log: BulkServer, tmp_path: Path) -> Iterator[World]:
    world = World(endpoint, raw_log, tmp_path)
    yield world
    for process in world.running:
        process.kill()
        process.wait()


def end(process: subprocess.Popen[bytes], number: signal.Signals) -> int:
    process.send_signal(number)
    return process.wait(timeout=DEADLINE_S)


def test_reads_all_shards_from_the_start_and_writes_one_document_per_point(world, raw_log):
    for truck in range(8):
        world.put(f"T-{truck}", truck * 10, truck * 10 + 1)

    world.start()

    raw_log.wait_for(*[truck * 10 + n for truck in range(8) for n in (0, 1)])
    assert all(index.startswith("truck-raw-20") for index, _ in raw_log.documents)


def test_a_restarted_process_continues_where_the_last_one_stopped(world, raw_log):
    process = world.start()
    world.put("T-1", 1)
    raw_log.wait_for(1)
    assert end(process, signal.SIGTERM) == 0
    world.put("T-1", 2)
    world.start()

    raw_log.wait_for(2)
    assert raw_log.sequence_numbers() == [1, 2]


def test_a_kill_before_the_acknowledgement_loses_no_record(world, raw_log):
    raw_log.responding.clear()
    process = world.start()
    world.put("T-1", 1, 2)
    raw_log.wait_for(1, 2)

    assert not world.position_file.exists(), "the position was written before the acknowledgement"
    end(process, signal.SIGKILL)
    raw_log.documents.clear()
    raw_log.responding.set()
    world.start()

    raw_log.wait_for(1, 2)
