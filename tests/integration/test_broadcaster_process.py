"""The broadcaster as a process on real adapters; see `tests.support.broadcaster_cloud`."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection

from rtdts.push_queue.nudges import SnapshotNudge, TransitionNudge
from rtdts.tracking.deliveries import Cause, Status
from rtdts.tracking.topics import delivery_topic, socket_endpoint
from tests.support.asyncapi_schema import validate_message
from tests.support.broadcaster_cloud import Cloud, running_broadcaster
from tests.support.deliveries import event_of
from tests.support.waiting import SHORT_DEADLINE_S


async def next_message(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(SHORT_DEADLINE_S):
        return validate_message(await socket.recv())


async def next_change(socket: ClientConnection) -> dict[str, Any]:
    """Returns the next message that is not from a round: a round may run at any full minute."""
    async with asyncio.timeout(SHORT_DEADLINE_S):
        while (reported := await next_message(socket))["type"] == "position":
            pass
    return reported


async def test_a_broadcaster_sends_rounds_statuses_and_endings_and_stops_on_sigterm(
    cloud: Cloud,
) -> None:
    delivery = cloud.delivery()
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
            reported = [await next_change(socket) for _ in range(2)]
            assert [one["type"] for one in reported] == ["status", "ended"]

            running.process.send_signal(signal.SIGTERM)
            stopped = await running.logged("broadcaster_stopped")
            async with asyncio.timeout(SHORT_DEADLINE_S):
                assert await running.process.wait() == 0
            assert stopped["in_time"]
        assert cloud.subscriptions.of_topic(delivery_topic(delivery.delivery_id)) == []


async def test_a_viewer_that_is_gone_is_removed_and_the_others_are_notified(
    cloud: Cloud,
) -> None:
    deliveries = [cloud.delivery() for _ in range(3)]
    async with cloud.viewer() as (_, gone_id):
        pass
    async with cloud.viewer() as (socket, connection_id):
        for delivery in deliveries:
            cloud.track(delivery, gone_id)
            cloud.track(delivery, connection_id)
        async with running_broadcaster(cloud.environment()) as running:
            report = await running.logged("round_done")

        reported = [await next_message(socket) for _ in deliveries]
    assert sorted(one["delivery_id"] for one in reported) == [one.delivery_id for one in deliveries]
    assert (report["due"], report["delivered"], report["gone"]) == (6, 3, 3)
    for delivery in deliveries:
        left = cloud.subscriptions.of_topic(delivery_topic(delivery.delivery_id))
        assert [one.endpoint for one in left] == [socket_endpoint(connection_id)]


async def test_nudges_and_viewers_outlive_a_killed_broadcaster(cloud: Cloud) -> None:
    delivery = cloud.delivery()
    async with cloud.viewer() as (socket, connection_id):
        async with running_broadcaster(cloud.environment()) as running:
            await running.logged("round_done")
            running.process.kill()
            await running.process.wait()
        cloud.track(delivery, connection_id)
        cloud.nudges.send(TransitionNudge(delivery_id=delivery.delivery_id, version=1))
        async with running_broadcaster(cloud.environment()) as running:
            types: set[str] = set()
            async with asyncio.timeout(SHORT_DEADLINE_S):
                while len(types) < 2:
                    types.add((await next_message(socket))["type"])

    assert types == {"position", "status"}


async def test_a_snapshot_has_no_positions_while_the_position_store_is_unavailable(
    cloud: Cloud,
) -> None:
    delivery = cloud.delivery()
    async with cloud.viewer() as (socket, connection_id):
        cloud.track(delivery, connection_id)
        cloud.snapshots.send(
            SnapshotNudge(
                delivery_id=delivery.delivery_id, connection_id=connection_id, request_id="r"
            )
        )
        async with running_broadcaster(cloud.environment()):
            reported = await next_change(socket)

    assert (reported["delivery_id"], reported["position"], reported["track"]) == (
        delivery.delivery_id,
        None,
        [],
    )


async def test_all_unusable_settings_are_reported_at_startup(cloud: Cloud) -> None:
    environment = cloud.environment(ROUND_INTERVAL_S="soon")
    del environment["DELIVERIES_TABLE"]
    async with running_broadcaster(environment) as running:
        output = await running.logged("settings_unusable")

        assert await running.process.wait() == 2
    assert len(output["problems"]) == 2
