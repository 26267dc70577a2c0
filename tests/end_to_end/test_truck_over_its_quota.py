"""One truck's token sends as much as it can: the consumer blocks it, and no other truck."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import math
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from rtdts.ingest.quota import POINTS_PER_MINUTE, QUOTA_MINUTES
from rtdts.runtime.wall_clock import now_ms
from rtdts.telemetry_stream.parking import PREFIX
from rtdts.tracking.blocks import BlockKind, identity_subject
from rtdts.tracking.telemetry import MAX_POINTS
from sim.environment import Environment
from sim.fleet.mqtt_truck import MqttTruck
from sim.local_cloud.launch import LaunchedCloud
from sim.local_cloud.resources import local_session
from sim.token_client import TokenClient
from tests.support.drive_checks import documents_of
from tests.support.http_client import ApiClient, HttpResponse
from tests.support.openapi_schema import validate_response
from tests.support.telemetry_points import telemetry_point
from tests.support.waiting import DEADLINE_S, eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

AT_ONCE = 8
"""More than the local cloud has instances of a function: none sees all that the truck sends."""
BURST_REQUESTS = math.ceil(POINTS_PER_MINUTE * QUOTA_MINUTES / MAX_POINTS)
MORE_REQUESTS = 8
"""40 s of quota: the consumer blocks a truck that is over it by 10 s, and the bridge reads the
blocks every 10 s."""
QUOTA_S = QUOTA_MINUTES * 60
"""No block lasts longer."""


class Trucks:
    """Trucks that send to the local cloud, and the table of blocked identities."""

    def __init__(self, environment: Environment) -> None:
        self._tokens = TokenClient.of(environment)
        self._api = ApiClient(environment.server_url)
        aws, endpoint = local_session(environment.region), environment.aws_endpoint_url
        self._dynamodb: Any = aws.client("dynamodb", endpoint_url=endpoint)
        self._s3: Any = aws.client("s3", endpoint_url=endpoint)
        self._table = environment.blocked_identities_table
        self._environment = environment
        self._seqs = itertools.count()
        self._accepted: list[str] = []
        """The truck of each request that was accepted."""

    def token(self, truck_id: str) -> str:
        return self._tokens.token("truck", truck_id)

    def post(self, truck_id: str, token: str, points: int = 1) -> HttpResponse:
        """Sends a new point that many times in one request: as gzip some hundred bytes."""
        positions = [self._point(truck_id)] * points
        packed = gzip.compress(json.dumps({"positions": positions}).encode())
        headers = {"Content-Type": "application/gzip"}
        response = self._api("POST", "/telemetry", token=token, raw=packed, headers=headers)
        if response.status == 202:
            self._accepted.append(truck_id)
        return response

    def _point(self, truck_id: str) -> dict[str, Any]:
        return telemetry_point(now_ms(), truck_id, seq=next(self._seqs))

    def publish(self, truck_id: str, token: str) -> None:
        """Sends a point over MQTT."""

        async def publish() -> None:
            truck = MqttTruck(self._environment.mqtt_url, truck_id, token)
            async with truck.opened():
                payload = json.dumps(self._point(truck_id)).encode()
                await truck.publish(f"trucks/{truck_id}/telemetry", payload)

        asyncio.run(publish())

    def is_set_aside(self, truck_id: str) -> bool:
        """Whether something that it sent over MQTT was set aside."""
        found = self._s3.list_objects_v2(
            Bucket=self._environment.parked_bucket, Prefix=f"{PREFIX}over-quota-{truck_id}-"
        )
        return bool(found["KeyCount"])

    def blocked_for_ms(self, truck_id: str) -> int:
        """How long the truck is blocked because of its quota; 0 when it is not."""
        key = {
            "subject": {"S": identity_subject("truck", truck_id)},
            "kind": {"S": BlockKind.OVER_QUOTA.value},
        }
        item = self._dynamodb.get_item(TableName=self._table, Key=key).get("Item")
        return 0 if item is None else max(0, int(item["until_ms"]["N"]) - now_ms())

    def send_until_blocked(self, truck_id: str, token: str) -> set[int]:
        """Sends as fast as it can until it is stopped; returns the status codes."""
        statuses: set[int] = set()
        requests = MORE_REQUESTS if truck_id in self._accepted else BURST_REQUESTS
        while not self.blocked_for_ms(truck_id) and statuses <= {202}:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                posts = [
                    pool.submit(self.post, truck_id, token, MAX_POINTS) for _ in range(requests)
                ]
            statuses |= {one.result().status for one in posts}
            # The consumer has counted all when the last of them is in the history.
            eventually(partial(self._has_stored_all, truck_id))
            requests = MORE_REQUESTS if requests == BURST_REQUESTS else 2 * requests
        return statuses

    def _has_stored_all(self, truck_id: str) -> bool:
        """Whether the history has a point of each accepted request."""
        return documents_of(self._environment, truck_id) >= self._accepted.count(truck_id)


def unique() -> str:
    return f"T-{uuid.uuid4().hex[:10]}"


def test_a_truck_over_its_quota_is_blocked_for_a_while_and_no_other_truck_is(
    local_cloud: LaunchedCloud,
) -> None:
    trucks = Trucks(local_cloud.environment)
    greedy, other = unique(), unique()
    greedys_token, others_token = trucks.token(greedy), trucks.token(other)
    others = [trucks.post(other, others_token).status]
    before = trucks.send_until_blocked(greedy, greedys_token)
    assert before == {202}, "each instance alone saw less than the quota"

    def refused() -> HttpResponse | None:
        trucks.send_until_blocked(greedy, greedys_token)  # if the block has ended already
        response = trucks.post(greedy, greedys_token)
        others.append(trucks.post(other, others_token).status)
        return response if response.status == 429 else None

    refusal = eventually(refused)

    def set_aside() -> bool:
        trucks.send_until_blocked(greedy, greedys_token)
        trucks.publish(greedy, greedys_token)
        trucks.publish(other, others_token)
        return trucks.is_set_aside(greedy)

    eventually(set_aside)
    problem = validate_response("POST", "/telemetry", refusal.status, refusal.headers, refusal.text)
    retry_after_s = int(refusal.headers["Retry-After"])
    eventually(
        lambda: (
            not trucks.blocked_for_ms(greedy) and trucks.post(greedy, greedys_token).status == 202
        ),
        within_s=DEADLINE_S + QUOTA_S,
    )
    others.append(trucks.post(other, others_token).status)

    assert (
        problem["detail"] == "this truck sends more than its quota; send these points again later"
    )
    assert 0 < retry_after_s <= QUOTA_S
    assert trucks.blocked_for_ms(other) == 0
    assert not trucks.is_set_aside(other)
    assert set(others) == {202}
