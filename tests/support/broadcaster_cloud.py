"""The parts of the local cloud that a broadcaster needs: ministack's tables, queues and sockets.

There is no OpenSearch, so viewers get what they get while it is unavailable. The end-to-end tests
use the complete local cloud.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
import zipfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import boto3
from websockets.asyncio.client import ClientConnection, connect

from rtdts.delivery_store.deliveries import DeliveryStore
from rtdts.delivery_store.subscriptions import Subscription, SubscriptionStore
from rtdts.push_queue.nudge_queue import NudgeQueue
from rtdts.push_queue.snapshot_queue import SnapshotQueue
from rtdts.tracking.deliveries import Delivery, Status
from rtdts.tracking.topics import delivery_topic, socket_endpoint
from sim.local_cloud.resources import (
    ACCESS_KEY_ID,
    SECRET_ACCESS_KEY,
    CloudNames,
    CreatedResources,
    create_resources,
    local_session,
)
from tests.support.deliveries import event_of, new_delivery, unique
from tests.support.ministack_process import REGION
from tests.support.source_tree import ROOT
from tests.support.waiting import SHORT_DEADLINE_S

REPORTS_ITS_ID = """
def handler(event, context):
    return {"statusCode": 200, "body": event["requestContext"]["connectionId"]}
"""
FAR_FUTURE_MS = 4_000_000_000_000


class Cloud:
    """Tables, queues, and a WebSocket API whose only route returns the connection's id."""

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
        self.snapshots = SnapshotQueue(
            self.session.client("sqs", endpoint_url=url), self.resources.queue_urls["snapshots"]
        )
        path = f"/_aws/execute-api/{self._create_api()}/live"
        self.socket_url = f"ws{url.removeprefix('http')}{path}"
        self.management_url = f"{url}{path}"

    def _create_api(self) -> str:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as zipped:
            zipped.writestr("returns_its_id.py", REPORTS_ITS_ID)
        function = self.session.client("lambda", endpoint_url=self.url).create_function(
            FunctionName="returns-its-id",
            Runtime="python3.11",
            Role="arn:aws:iam::000000000000:role/any",
            Handler="returns_its_id.handler",
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
            "TRUCK_MATCHES_TABLE": tables.truck_matches,
            "SUBSCRIPTIONS_TABLE": tables.subscriptions,
            "DELIVERY_SHARES_TABLE": tables.delivery_shares,
            "BLOCKED_IDENTITIES_TABLE": tables.blocked_identities,
            "NUDGE_QUEUE_URL": self.resources.queue_urls["nudges"],
            "NUDGE_DEAD_LETTER_QUEUE_URL": self.resources.dead_letter_urls["nudges"],
            "SNAPSHOT_QUEUE_URL": self.resources.queue_urls["snapshots"],
            "SNAPSHOT_DEAD_LETTER_QUEUE_URL": self.resources.dead_letter_urls["snapshots"],
            "OPENSEARCH_URL": "http://127.0.0.1:1",
            "OPENSEARCH_AUTH": "none",
            "SOCKET_MANAGEMENT_URL": self.management_url,
            "ROUND_INTERVAL_S": "60",
            "QUEUE_WAIT_S": "1",
            "SHUTDOWN_BUDGET_S": "60",
            **changed,
        }

    @asynccontextmanager
    async def viewer(self) -> AsyncIterator[tuple[ClientConnection, str]]:
        async with connect(self.socket_url) as socket:
            await socket.send("{}")
            async with asyncio.timeout(SHORT_DEADLINE_S):
                connection_id = str(await socket.recv())
            yield socket, connection_id

    def delivery(self) -> Delivery:
        """Creates a delivery in transit."""
        delivery = new_delivery(delivery_id=unique("D"), status=Status.IN_TRANSIT)
        self.deliveries.append(None, delivery, [event_of(delivery)], matches=True)
        return delivery

    def track(self, delivery: Delivery, connection_id: str) -> None:
        self.subscriptions.add(
            Subscription(
                topic=delivery_topic(delivery.delivery_id),
                endpoint=socket_endpoint(connection_id),
                role="customer",
                identity=delivery.customer_id,
                token_expires_at_ms=FAR_FUTURE_MS,
                subscribed_at_ms=delivery.created_at_ms,
            )
        )


class Running:
    """A broadcaster's process and its log."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.lines: list[str] = []

    async def logged(self, event: str) -> dict[str, Any]:
        """Waits for the next line of this event."""
        assert self.process.stderr is not None
        async with asyncio.timeout(SHORT_DEADLINE_S):
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
