"""The TypeScript client over the local gateway, which ends its connections at random times."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sim.environment import Environment
from sim.local_cloud.launch import LaunchedCloud
from sim.local_cloud.resources import local_session
from sim.setup.places import PROJECT, find_places
from sim.setup.web import node_command, packages_are_there
from tests.support.waiting import eventually
from tests.support.watched_drive import Drive

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

CLIENT = PROJECT / "web" / "client"
SEED = 13
CLOSES = 8
COMPRESSED = {"replaceAfterMs": 12_000, "replaceJitterMs": 4_000, "steadyMs": 1_000}
"""Hours become seconds: a connection is replaced after 8 to 12 s."""


KEYS = (("delivery_id", "topic"), ("connection_id", "endpoint"))
"""What a subscription's keys are called; a topic ends with its delivery, an endpoint with its
connection."""


class Follower:
    """The client in a Node of its own, and what it reported."""

    def __init__(self, program: Path, environment: Environment, token: str) -> None:
        node = node_command(find_places())
        where = [environment.server_url, environment.websocket_url, token, json.dumps(COMPRESSED)]
        self._process = subprocess.Popen(
            [node, CLIENT / "test" / "follow.mjs", program, *where],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.reports: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.reports.append(json.loads(line))

    @property
    def versions(self) -> list[int]:
        """Of the events that it gave to its application, in that order."""
        return [event["version"] for one in self.reports for event in one["news"]["events"]]

    @property
    def positions(self) -> list[str]:
        """The times of the positions that it gave."""
        return [
            one["delivery"]["position_at"]
            for one in self.reports
            if one["news"]["position"] and one["delivery"]["position_at"]
        ]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._reader.join()


@pytest.fixture
def drive(local_cloud: LaunchedCloud) -> Iterator[Drive]:
    drive = Drive(local_cloud)
    try:
        yield drive
    finally:
        drive.close()


@pytest.fixture
def program(tmp_path: Path) -> Path:
    places = find_places()
    if not packages_are_there(places):
        pytest.skip("the client's compiler is not installed: make setup")
    compiler = places.web / "node_modules" / "typescript" / "bin" / "tsc"
    options = ["-p", CLIENT / "tsconfig.build.json", "--outDir", tmp_path / "client"]
    subprocess.run([node_command(places), compiler, *options], check=True)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    return tmp_path / "client" / "index.js"


def end_connections(environment: Environment, delivery_id: str) -> int:
    """Ends every connection that tracks the delivery, as the gateway does after 2 hours."""
    session = local_session(environment.region)
    dynamodb = session.resource("dynamodb", endpoint_url=environment.aws_endpoint_url)
    table = dynamodb.Table(environment.subscriptions_table)
    rows = [row for row in table.scan()["Items"] if delivery_id in _parts(row, KEYS[0])]
    gateway = session.client(
        "apigatewaymanagementapi", endpoint_url=environment.socket_management_url
    )
    ended = 0
    for connection_id in [_parts(row, KEYS[1])[-1] for row in rows]:
        with contextlib.suppress(ClientError):  # it is gone already
            gateway.delete_connection(ConnectionId=connection_id)
            ended += 1
    return ended


def _parts(row: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    return str(next(row[name] for name in names if name in row)).split(":")


def test_no_event_is_missed_or_given_twice_whatever_is_closed(
    drive: Drive, program: Path, record_property: Callable[[str, object], None]
) -> None:
    rng = random.Random(SEED)
    environment = drive.cloud.environment
    token = drive.create().partition("#")[2]
    follower = Follower(program, environment, token)
    try:
        eventually(lambda: follower.versions)
        drive.start()
        ended = 0
        while ended < CLOSES:
            heard = len(follower.reports) + rng.randrange(1, 4)
            eventually(lambda heard=heard: len(follower.reports) >= heard)
            ended += end_connections(environment, drive.delivery_id)
        eventually(lambda: len(follower.positions) > CLOSES)
        drive.declare("delivered")
        eventually(
            lambda: (
                follower.reports[-1]["delivery"]["status"] == "delivered"
                and len(follower.versions) == follower.reports[-1]["delivery"]["version"]
            )
        )
        record = drive.call(drive.dispatcher.get, drive.delivery_id)
    finally:
        follower.close()

    assert sorted(follower.versions) == [event.version for event in record.events]
    assert follower.positions == sorted(set(follower.positions))
    heard_ms = [one["trueAsOfMs"] for one in follower.reports if one["trueAsOfMs"]]
    gap_s = max(after - before for before, after in pairwise(heard_ms)) / 1000
    record_property("closes", ended)
    record_property("longest_gap_s", gap_s)  # of the machine's speed: told, not judged
