"""Both clients over the local gateway, which ends their connections at random during a drive."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import random
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import pytest
from botocore.exceptions import ClientError

from rtdts_client import DeliveryTracker, Report, Timing, share_access
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
"""Of each client's connections."""
TIMING = Timing(replace_after_ms=12_000, replace_jitter_ms=4_000, steady_ms=1_000)
"""Hours become seconds: a connection is replaced after 8 to 12 s."""


KEYS = (("delivery_id", "topic"), ("connection_id", "endpoint"))
"""What a subscription's keys are called; a topic ends with its delivery, an endpoint with its
connection."""


class Follower(Protocol):
    """A client, and what it reported."""

    @property
    def count(self) -> int:
        """How many reports there are."""
        ...

    @property
    def versions(self) -> list[int]:
        """The versions of the events that it passed to its application, in order."""
        ...

    @property
    def positions(self) -> list[str]:
        """The times of the positions that it passed to its application."""
        ...

    @property
    def true_as_of_ms(self) -> list[float]:
        """As of when its reports were true."""
        ...

    def has_all_of(self, status: str) -> bool:
        """Whether its last report has this status, and it has passed on every event."""
        ...

    def close(self) -> None:
        """Ends it."""
        ...


class TypeScriptFollower:
    """The TypeScript client in a Node process of its own."""

    def __init__(self, program: Path, environment: Environment, token: str) -> None:
        timing = {
            "replaceAfterMs": TIMING.replace_after_ms,
            "replaceJitterMs": TIMING.replace_jitter_ms,
            "steadyMs": TIMING.steady_ms,
        }
        where = [environment.server_url, environment.websocket_url, token, json.dumps(timing)]
        self._process = subprocess.Popen(
            [node_command(find_places()), CLIENT / "test" / "follow.mjs", program, *where],
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reports: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._reports.append(json.loads(line))

    @property
    def count(self) -> int:
        return len(self._reports)

    @property
    def versions(self) -> list[int]:
        return [event["version"] for one in self._reports for event in one["changes"]["events"]]

    @property
    def positions(self) -> list[str]:
        return [
            one["delivery"]["position_at"]
            for one in self._reports
            if one["changes"]["position"] and one["delivery"]["position_at"]
        ]

    @property
    def true_as_of_ms(self) -> list[float]:
        return [one["trueAsOfMs"] for one in self._reports if one["trueAsOfMs"]]

    def has_all_of(self, status: str) -> bool:
        delivery = self._reports[-1]["delivery"]
        return delivery["status"] == status and len(self.versions) == delivery["version"]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._reader.join()


class PythonFollower:
    """The Python client on a loop and thread of its own."""

    def __init__(self, environment: Environment, token: str) -> None:
        self._reports: list[Report] = []
        access = share_access(environment.server_url, token)
        self._tracker = DeliveryTracker(
            environment.websocket_url, access, self._reports.append, timing=TIMING
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._tracker.run())

    @property
    def count(self) -> int:
        return len(self._reports)

    @property
    def versions(self) -> list[int]:
        return [event.version for report in self._reports for event in report.changes.events]

    @property
    def positions(self) -> list[str]:
        return [
            report.delivery.position_at
            for report in self._reports
            if report.changes.position and report.delivery and report.delivery.position_at
        ]

    @property
    def true_as_of_ms(self) -> list[float]:
        return [report.true_as_of_ms for report in self._reports if report.true_as_of_ms]

    def has_all_of(self, status: str) -> bool:
        delivery = self._reports[-1].delivery
        return (
            delivery is not None
            and delivery.status == status
            and len(self.versions) == delivery.version
        )

    def close(self) -> None:
        with contextlib.suppress(RuntimeError):  # it has ended by itself
            self._loop.call_soon_threadsafe(self._tracker.stop)
        self._thread.join()


def compiled(folder: Path) -> Path:
    """The TypeScript client as a module that Node runs."""
    places = find_places()
    if not packages_are_there(places):
        pytest.skip("the client's compiler is not installed: make setup")
    compiler = places.web / "node_modules" / "typescript" / "bin" / "tsc"
    output = folder / "client"
    options: list[str | Path] = ["-p", CLIENT / "tsconfig.build.json", "--outDir", output]
    subprocess.run([node_command(places), compiler, *options], check=True)
    (folder / "package.json").write_text('{"type": "module"}')
    return output / "index.js"


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


@dataclasses.dataclass(frozen=True)
class Followed:
    """A drive to its end, which both clients followed.

    Attributes:
        followers: By their language.
        versions: Of the delivery's events.
        closes: How many connections were ended.
    """

    followers: Mapping[str, Follower]
    versions: Sequence[int]
    closes: int


def have_reported(expected: Sequence[tuple[Follower, int]]) -> bool:
    return all(one.count >= count for one, count in expected)


@pytest.fixture(scope="module")
def followed(
    local_cloud: LaunchedCloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Followed]:
    rng = random.Random(SEED)
    environment = local_cloud.environment
    program = compiled(tmp_path_factory.mktemp("client"))
    with contextlib.ExitStack() as closing:
        drive = Drive(local_cloud)
        closing.callback(drive.close)
        token = drive.create().partition("#")[2]
        followers: dict[str, Follower] = {
            "TypeScript": TypeScriptFollower(program, environment, token),
            "Python": PythonFollower(environment, token),
        }
        for one in followers.values():
            closing.callback(one.close)
        eventually(lambda: all(one.versions for one in followers.values()))
        drive.start()
        closes = 0
        while closes < CLOSES * len(followers):
            received = [(one, one.count + rng.randrange(1, 4)) for one in followers.values()]
            eventually(partial(have_reported, received))
            closes += end_connections(environment, drive.delivery_id)
        eventually(lambda: all(len(one.positions) > CLOSES for one in followers.values()))
        drive.declare("delivered")
        eventually(lambda: all(one.has_all_of("delivered") for one in followers.values()))
        record = drive.call(drive.dispatcher.get, drive.delivery_id)
        yield Followed(followers, [event.version for event in record.events], closes)


@pytest.mark.parametrize("language", ["TypeScript", "Python"])
def test_no_event_is_missed_or_repeated_when_connections_are_closed(
    followed: Followed, language: str, record_property: Callable[[str, object], None]
) -> None:
    """The longest gap is recorded without a limit: after a close it contains the time for a ticket,
    a new connection and its snapshot, which depends on the machine; the round + 2 s is asserted in
    virtual time, by the unit tests of both clients.
    """
    follower = followed.followers[language]

    assert sorted(follower.versions) == followed.versions
    assert follower.positions == sorted(set(follower.positions))
    gap_s = max(after - before for before, after in pairwise(follower.true_as_of_ms)) / 1000
    record_property("closes", followed.closes)
    record_property("longest_gap_s", gap_s)
