"""The broadcaster as a process on real adapters: ministack's tables, queue and sockets.

There is no OpenSearch here: positions can't be read, so that what is seen is also what viewers
get while it is away. The end-to-end test has everything.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sys
import zipfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect

from rtdts.delivery_store.deliveries import DeliveryStore
from rtdts.delivery_store.subscriptions import Subscription, SubscriptionStore
from rtdts.push_queue.nudge_queue import NudgeQueue
from rtdts.push_queue.nudges import SnapshotNudge, TransitionNudge
from rtdts.tracking.deliveries import Cause, Delivery, Status
from sim.local_cloud.resources import (
    ACCESS_KEY_ID,
    SECRET_ACCESS_KEY,
    CloudNames,
    CreatedResources,
    create_resources,
    local_session,
)
from tests.support.asyncapi_schema import validate_message
from tests.support.deliveries import event_of, new_delivery, unique
from tests.support.ministack_process import REGION, ministack_program, running_ministack
from tests.support.source_tree import ROOT
from tests.support.waiting import COMES_WITHIN_S

TELLS_ITS_ID = """
def handler(event, context):
    return {"statusCode": 200, "body": event["requestContext"]["connectionId"]}
"""
FAR_FUTURE_MS = 4_000_000_000_000


class Cloud:
    """Tables, queue and a WebSocket API whose only route tells a connection its own id."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session: boto3.Session = local_session(REGION)
        self.resources: CreatedResources = create_resources(url, REGION, CloudNames())
        dynamodb = self.session.client("dynamodb", endpoint_url=url)
        self.deliveries = DeliveryStore(dynamodb, self.resources.names.tables)
        self.subscriptions = SubscriptionStore(dynamodb, self.resources.names.tables)
        self.nudges = NudgeQueue(
            self.session.client("sqs", endpoint_url=url), self.resources.queue_urls["nudges"]
        )
        path = f"/_aws/execute-api/{self._create_api()}/live"
        self.socket_url = f"ws{url.removeprefix('http')}{path}"
        self.management_url = f"{url}{path}"

    def _create_api(self) -> str:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as zipped:
            zipped.writestr("tells_its_id.py", TELLS_ITS_ID)
        function = self.session.client("lambda", endpoint_url=self.url).create_function(
            FunctionName="tells-its-id",
            Runtime="python3.11",
            Role="arn:aws:iam::000000000000:role/any",
            Handler="tells_its_id.handler",
            Code={"ZipFile": archive.getvalue()},
        )
        gateway = self.session.client("apigatewayv2", endpoint_url=self.url)
        api_id = gateway.create_api(
            Name="sockets",
            ProtocolType="WEBSOCKET",
            RouteSelectionExpression="$request.body.action",
        )["ApiId"]
        integration_id = gateway.create_integration(
            ApiId=api_id,
            IntegrationType="AWS_PROXY",
            IntegrationUri=function["FunctionArn"],
        )["IntegrationId"]
        gateway.create_route(
            ApiId=api_id, RouteKey="$default", Target=f"integrations/{integration_id}"
        )
        gateway.create_stage(ApiId=api_id, StageName="live", AutoDeploy=True)
        return str(api_id)

    def environment(self, **changed: str) -> dict[str, str]:
        tables = self.resources.names.tables
        return {
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "AWS_REGION": REGION,
            "DELIVERIES_TABLE": tables.deliveries,
            "DELIVERY_EVENTS_TABLE": tables.delivery_events,
            "SUBSCRIPTIONS_TABLE": tables.subscriptions,
            "NUDGE_QUEUE_URL": self.resources.queue_urls["nudges"],
            "OPENSEARCH_URL": "http://127.0.0.1:1",
            "OPENSEARCH_AUTH": "none",
            "SOCKET_MANAGEMENT_URL": self.management_url,
            "ROUND_INTERVAL_S": "60",
            "NUDGE_WAIT_S": "1",
            "SHUTDOWN_BUDGET_S": "60",
            **changed,
        }

    @asynccontextmanager
    async def viewer(self) -> AsyncIterator[tuple[ClientConnection, str]]:
        async with connect(self.socket_url) as socket:
            await socket.send("{}")
            yield socket, str(await asyncio.wait_for(socket.recv(), COMES_WITHIN_S))

    def track(self, delivery: Delivery, connection_id: str) -> None:
        self.subscriptions.add(
            Subscription(
                delivery_id=delivery.delivery_id,
                connection_id=connection_id,
                role="customer",
                identity=delivery.customer_id,
                token_expires_at_ms=FAR_FUTURE_MS,
                subscribed_at_ms=delivery.created_at_ms,
            )
        )


class Running:
    """A broadcaster's process and what it logs."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.lines: list[str] = []

    async def logged(self, event: str) -> dict[str, Any]:
        """Waits for the next line of this event."""
        assert self.process.stderr is not None
        async with asyncio.timeout(COMES_WITHIN_S):
            while line := (await self.process.stderr.readline()).decode():
                self.lines.append(line)
                with suppress(json.JSONDecodeError):
                    if (fields := json.loads(line)).get("event") == event:
                        return dict(fields)
        raise AssertionError(f"no {event!r}; it said:\n" + "".join(self.lines))


@asynccontextmanager
async def running_broadcaster(environment: dict[str, str]) -> AsyncIterator[Running]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "broadcaster", cwd=ROOT, env=environment, stderr=PIPE
    )
    try:
        yield Running(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def next_message(socket: ClientConnection) -> dict[str, Any]:
    return validate_message(await asyncio.wait_for(socket.recv(), COMES_WITHIN_S))


async def next_change(socket: ClientConnection) -> dict[str, Any]:
    """The next message that no round brings: one may be held at any moment, on the minute."""
    async with asyncio.timeout(COMES_WITHIN_S):
        while (told := await next_message(socket))["type"] == "position":
            pass
    return told


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    program = ministack_program()
    if program is None:
        pytest.skip("ministack is not installed: make setup")
    with running_ministack(Path(program), tmp_path_factory.mktemp("ministack")) as url:
        yield Cloud(url)


def created(cloud: Cloud) -> Delivery:
    delivery = new_delivery(delivery_id=unique("D"), status=Status.IN_TRANSIT)
    cloud.deliveries.append(None, delivery, [event_of(delivery)], matches=True)
    return delivery


async def test_rounds_statuses_endings_and_the_end(cloud: Cloud) -> None:
    delivery = created(cloud)
    async with cloud.viewer() as (socket, connection_id):
        cloud.track(delivery, connection_id)
        async with running_broadcaster(cloud.environment()) as running:
            await running.logged("broadcaster_ready")

            # The round at the start.
            first = await next_message(socket)
            assert (first["type"], first["status"]) == ("position", "in_transit")

            nearby = msgspec.structs.replace(delivery, version=2, status=Status.NEARBY)
            cloud.deliveries.append(
                delivery, nearby, [event_of(nearby, cause=Cause.NEAR_DESTINATION)], matches=False
            )
            cloud.nudges.send(TransitionNudge(delivery_id=delivery.delivery_id, version=2))
            status = await next_change(socket)
            assert (status["type"], status["version"]) == ("status", 2)
            assert status["cause"] == "near_destination"

            cancelled = msgspec.structs.replace(
                nearby, version=3, status=Status.CANCELLED, closed_at_ms=delivery.updated_at_ms
            )
            cloud.deliveries.append(
                nearby, cancelled, [event_of(cancelled, cause=Cause.DECLARED)], matches=True
            )
            cloud.nudges.send(TransitionNudge(delivery_id=delivery.delivery_id, version=3))
            told = [await next_change(socket) for _ in range(2)]
            assert [one["type"] for one in told] == ["status", "ended"]

            running.process.send_signal(signal.SIGTERM)
            stopped = await running.logged("broadcaster_stopped")
            async with asyncio.timeout(COMES_WITHIN_S):
                assert await running.process.wait() == 0
            assert stopped["in_time"]
        assert cloud.subscriptions.of_delivery(delivery.delivery_id) == []


async def test_a_viewer_that_is_gone_is_forgotten_and_the_others_are_told(cloud: Cloud) -> None:
    deliveries = [created(cloud) for _ in range(3)]
    async with cloud.viewer() as (_, gone_id):
        pass
    async with cloud.viewer() as (socket, connection_id):
        for delivery in deliveries:
            cloud.track(delivery, gone_id)
            cloud.track(delivery, connection_id)
        async with running_broadcaster(cloud.environment()) as running:
            report = await running.logged("round_held")

        told = [await next_message(socket) for _ in deliveries]
    assert sorted(one["delivery_id"] for one in told) == [one.delivery_id for one in deliveries]
    assert (report["due"], report["delivered"], report["gone"]) == (6, 3, 3)
    for delivery in deliveries:
        left = cloud.subscriptions.of_delivery(delivery.delivery_id)
        assert [one.connection_id for one in left] == [connection_id]


async def test_a_killed_broadcaster_leaves_its_nudges_to_the_next(cloud: Cloud) -> None:
    delivery = created(cloud)
    async with cloud.viewer() as (socket, connection_id):
        async with running_broadcaster(cloud.environment()) as running:
            await running.logged("round_held")
            running.process.kill()
            await running.process.wait()
        cloud.track(delivery, connection_id)
        cloud.nudges.send(TransitionNudge(delivery_id=delivery.delivery_id, version=1))
        async with running_broadcaster(cloud.environment()) as running:
            types: set[str] = set()
            async with asyncio.timeout(COMES_WITHIN_S):
                while len(types) < 2:
                    types.add((await next_message(socket))["type"])

    assert types == {"position", "status"}


async def test_a_snapshot_comes_without_positions_while_their_store_is_away(cloud: Cloud) -> None:
    delivery = created(cloud)
    async with cloud.viewer() as (socket, connection_id):
        cloud.track(delivery, connection_id)
        cloud.nudges.send(
            SnapshotNudge(
                delivery_id=delivery.delivery_id, connection_id=connection_id, request_id="r"
            )
        )
        async with running_broadcaster(cloud.environment()):
            told = await next_change(socket)

    assert (told["delivery_id"], told["position"], told["track"]) == (
        delivery.delivery_id,
        None,
        [],
    )


async def test_settings_that_cant_be_used_are_said_at_once(cloud: Cloud) -> None:
    environment = cloud.environment(ROUND_INTERVAL_S="soon")
    del environment["DELIVERIES_TABLE"]
    async with running_broadcaster(environment) as running:
        said = await running.logged("settings_unusable")

        assert await running.process.wait() == 2
    assert len(said["problems"]) == 2
