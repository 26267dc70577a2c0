"""Erasure and replay on real parts: the tables, indexes and buckets are read directly."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import boto3
import pytest
import urllib3
from websockets.exceptions import InvalidStatus

from rtdts.runtime.wall_clock import now_ms
from rtdts.telemetry_stream.backup_format import plain
from rtdts.telemetry_stream.parking import Parking
from rtdts.tracking.deliveries import Place
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.stream_codec import encode_point
from rtdts.tracking.topics import delivery_topic
from sim.environment import Environment
from sim.local_cloud.engines import plain_environment
from sim.token_client import TokenClient
from tests.support.checkpoints import applied, checkpoints
from tests.support.http_client import ApiClient
from tests.support.parts import held_down
from tests.support.points import make_point
from tests.support.source_tree import ROOT
from tests.support.telemetry_points import telemetry_point
from tests.support.viewer_client import Viewer
from tests.support.waiting import eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

ORIGIN = Place(lat=35.1705505, lon=129.1329985)
POINTS = 5


class Cloud:
    """The local cloud, and an operator's commands on it."""

    def __init__(self, local_cloud: Any) -> None:
        environment = local_cloud.environment
        self.variables = {
            **plain_environment(),
            **environment.variables(),
            "OPENSEARCH_AUTH": "none",
        }
        self.environment = environment
        session = boto3.Session(
            aws_access_key_id=environment.access_key_id,
            aws_secret_access_key=environment.secret_access_key,
            region_name=environment.region,
        )
        endpoint = environment.aws_endpoint_url
        self.s3: Any = session.client("s3", endpoint_url=endpoint)
        self.dynamodb: Any = session.client("dynamodb", endpoint_url=endpoint)
        self.api = ApiClient(environment.server_url)
        self.tokens = TokenClient(url=environment.token_url, secret=environment.token_secret)
        self.dispatcher = self.tokens.token("dispatcher", "anna")
        self._read: dict[tuple[str, ...], bytes] = {}

    def operate(self, *arguments: str) -> tuple[int, str]:
        """Runs a command; returns its exit code and its last line."""
        code, output = self._operate(*arguments)
        return code, output.splitlines()[-1]

    def operate_whole(self, *arguments: str) -> str:
        """Runs a command that must succeed; returns its output."""
        code, output = self._operate(*arguments)
        assert code == 0
        return output

    def _operate(self, *arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "operations", *arguments],
            cwd=ROOT,
            env=self.variables,
            capture_output=True,
            text=True,
        )
        sys.stderr.write(done.stderr)
        return done.returncode, done.stdout.strip()

    def deliver(self, truck_id: str, customer_id: str) -> str:
        """A delivery from its creation to its end, with points on the way."""
        delivery_id = unique("D")
        place = {"lat": ORIGIN.lat, "lon": ORIGIN.lon}
        plan = {
            "truck_id": truck_id,
            "customer_id": customer_id,
            "origin": place,
            "destination": {**place, "lat": ORIGIN.lat + 0.01},
        }
        path = f"/deliveries/{delivery_id}"
        assert self.api("PUT", path, token=self.dispatcher, body=plan).status == 201
        start_ms = now_ms()
        positions = [
            telemetry_point(
                start_ms + 200 * n, truck_id, seq=n, lat=ORIGIN.lat + 0.0001 * n, lon=ORIGIN.lon
            )
            for n in range(POINTS)
        ]
        truck = self.tokens.token("truck", truck_id)
        posted = self.api("POST", "/telemetry", token=truck, body={"positions": positions})
        assert posted.json["accepted"] == POINTS
        for what in ("picked_up", "delivered"):
            declared = self.api(
                "POST",
                f"{path}/events",
                token=self.dispatcher,
                body={"type": what, "note": f"for {customer_id}"},
                headers={"Idempotency-Key": what},
            )
            assert declared.status == 201
        return delivery_id

    def documents(self, pattern: str, query: dict[str, Any]) -> int:
        """OpenSearch's own response, after a refresh."""
        base = f"{self.environment.opensearch_url}/{pattern}"
        urllib3.request("POST", f"{base}/_refresh")
        response = urllib3.request("POST", f"{base}/_count", json={"query": query})
        return int(response.json()["count"])

    def lose(self, pattern: str) -> None:
        """Deletes whole indexes, by their names: OpenSearch rejects a pattern."""
        base = self.environment.opensearch_url
        names = urllib3.request("GET", f"{base}/_cat/indices/{pattern}?h=index").data.split()
        assert names
        for name in names:
            urllib3.request("DELETE", f"{base}/{name.decode()}")

    def of_truck(self, truck_id: str) -> dict[str, int]:
        """How much every index and the backup hold of a truck."""
        query = {"term": {"truck_id": truck_id}}
        patterns = ("truck-raw-*", "truck-positions-*", "truck-latest", "truck-state")
        return {pattern: self.documents(pattern, query) for pattern in patterns} | {
            "versions in buckets": sum(truck_id.encode() in body for body in self.versions())
        }

    def of_delivery(self, delivery_id: str) -> dict[str, int]:
        """How much the tables and indexes hold of a delivery."""
        counts = {}
        for table, key, value in (
            ("deliveries_table", "delivery_id", delivery_id),
            ("delivery_events_table", "delivery_id", delivery_id),
            ("subscriptions_table", "topic", delivery_topic(delivery_id)),
        ):
            response = self.dynamodb.query(
                TableName=getattr(self.environment, table),
                KeyConditionExpression=f"{key} = :value",
                ExpressionAttributeValues={":value": {"S": value}},
            )
            counts[table] = response["Count"]
        query = {"term": {"deliveries.delivery_id": delivery_id}}
        return counts | {"history": self.documents("truck-positions-*", query)}

    def versions(self) -> list[bytes]:
        """Everything that can still be read in the buckets."""
        found = []
        for bucket in (self.environment.parked_bucket, self.environment.raw_backup_bucket):
            for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                for one in page.get("Versions", ()):
                    version = {"Bucket": bucket, "Key": one["Key"], "VersionId": one["VersionId"]}
                    name = (*version.values(), one["ETag"])
                    if name not in self._read:  # a version never changes
                        self._read[name] = plain(self.s3.get_object(**version)["Body"].read())
                    found.append(self._read[name])
        return found

    def newest_backup(self) -> str:
        """The key of the last object of the backup of points; empty when there is none."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.environment.raw_backup_bucket, Prefix="points/"
        )
        return max((one["Key"] for page in pages for one in page.get("Contents", ())), default="")


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


@pytest.fixture(scope="module")
def cloud(local_cloud: Any) -> Cloud:
    return Cloud(local_cloud)


def is_checkpointed(environment: Environment, truck_id: str) -> bool:
    """Whether a consumer that restarts would read nothing of the truck again."""
    reported = checkpoints(environment)
    return all(
        shard_id in reported and reported[shard_id] >= position
        for shard_id, position in applied(environment, [truck_id]).items()
    )


def is_full(counts: dict[str, int]) -> bool:
    return all(counts.values())


def wait_for(
    look: Callable[[], dict[str, int]], is_there: Callable[[dict[str, int]], bool]
) -> None:
    eventually(lambda: is_there(look()))


def test_a_truck_and_a_customer_are_erased_and_another_of_each_is_untouched(
    cloud: Cloud,
) -> None:
    trucks, customers = [unique("T"), unique("T")], [unique("C"), unique("C")]
    deliveries = [cloud.deliver(*pair) for pair in zip(trucks, customers, strict=True)]
    for truck_id in trucks:
        wait_for(partial(cloud.of_truck, truck_id), is_full)
        wait_for(
            partial(cloud.of_truck, truck_id),
            lambda counts: counts["truck-raw-*"] == counts["truck-positions-*"] == POINTS,
        )
    truck_before, delivery_before = cloud.of_truck(trucks[1]), cloud.of_delivery(deliveries[1])
    assert cloud.of_delivery(deliveries[0])["delivery_events_table"] >= 3

    rejected, why = cloud.operate("erase", "--truck", trucks[0])
    counted, would = cloud.operate("erase", "--truck", trucks[0], "--dry-run")
    erased, reported = cloud.operate("erase", "--truck", trucks[0], "--force")
    erased_customer, reported_customer = cloud.operate("erase", "--customer", customers[0])

    assert (rejected, counted, erased, erased_customer) == (1, 0, 0, 0)
    assert "sent a point" in why
    assert f"truck-raw-* {POINTS}, truck-positions-* {POINTS}" in would
    assert "left: nothing" in reported
    assert "left: nothing" in reported_customer
    left = cloud.of_truck(trucks[0])
    assert left.pop("truck-state") == 1, "the tombstone"
    assert not any(left.values())
    left = cloud.of_delivery(deliveries[0])
    assert left.pop("deliveries_table") == 1, "the tombstone"
    assert not any(left.values())
    assert cloud.of_truck(trucks[1]) == truck_before
    assert cloud.of_delivery(deliveries[1]) == delivery_before
    assert cloud.operate("erase", "--truck", trucks[0], "--force")[0] == 0


def test_a_record_that_was_parked_because_of_a_bug_can_be_replayed_into_the_history(
    cloud: Cloud,
) -> None:
    truck_id = unique("T")
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    point = make_point(truck_id, now_ms, ORIGIN.lat, ORIGIN.lon, seq=7)
    parking = Parking(cloud.s3, cloud.environment.parked_bucket)
    name = unique("parked")
    good = parking.park(
        encode_point(point), name=f"{name}.0", reason="unprocessable", partition_key=truck_id
    )
    bad = parking.park(b"{", name=f"{name}.1", reason="not_a_point", partition_key=truck_id)

    code, reported = cloud.operate("replay-parked", "--prefix", name)

    assert (code, reported) == (0, "replayed 1 points; objects that stay: not_a_point 1")
    query = {"ids": {"values": [point_id(point)]}}
    eventually(lambda: cloud.documents("truck-positions-*", query) == 1)
    eventually(lambda: cloud.of_truck(truck_id)["truck-raw-*"] == 1)
    listed = cloud.s3.list_objects_v2(Bucket=cloud.environment.parked_bucket, Prefix="rejected/")
    keys = {one["Key"] for one in listed["Contents"]}
    assert bad in keys
    assert good not in keys


def test_a_lost_raw_log_is_restored_from_the_backup(cloud: Cloud) -> None:
    before = cloud.newest_backup()  # other tests have left much that need not be restored
    trucks = [unique("T"), unique("T")]
    for truck_id in trucks:
        cloud.deliver(truck_id, unique("C"))
        wait_for(partial(cloud.of_truck, truck_id), lambda counts: counts["truck-raw-*"] == POINTS)
        wait_for(
            partial(cloud.of_truck, truck_id), lambda counts: counts["versions in buckets"] > 0
        )
    cloud.lose("truck-raw-*")
    lost = [cloud.of_truck(truck_id)["truck-raw-*"] for truck_id in trucks]
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    times = ("--from", "2026-01-01", "--to", f"{tomorrow:%Y-%m-%d}", "--after", before)

    counted, would = cloud.operate("replay-backup", *times, "--into", "raw", "--dry-run")
    first, reported = cloud.operate("replay-backup", *times, "--into", "raw")
    second, _ = cloud.operate("replay-backup", *times, "--into", "raw")

    assert lost == [0, 0]
    assert (counted, first, second) == (0, 0, 0)
    assert would.removeprefix("would replay") == reported.removeprefix("replayed")
    assert [cloud.of_truck(truck_id)["truck-raw-*"] for truck_id in trucks] == [POINTS, POINTS]


def test_a_lost_history_is_restored_from_the_backup_through_the_stream(
    cloud: Cloud, local_cloud: Any
) -> None:
    before = cloud.newest_backup()  # other tests have left much that need not be restored
    truck_id = unique("T")
    cloud.deliver(truck_id, unique("C"))
    eventually(lambda: is_full(cloud.of_truck(truck_id)))
    eventually(lambda: cloud.of_truck(truck_id)["truck-positions-*"] == POINTS)
    query = {"term": {"truck_id": truck_id}}
    eventually(lambda: is_checkpointed(cloud.environment, truck_id))
    # A consumer skips points that its trucks' states include as copies: it must lose them too.
    with held_down(local_cloud, "consumer"):
        # Whole indexes, and no documents of them: of a deleted document OpenSearch remembers the
        # version for a while, and rejects a lower one with a conflict.
        cloud.lose("truck-positions-*")
        state = f"{cloud.environment.opensearch_url}/truck-state/_doc/{truck_id}"
        assert urllib3.request("DELETE", state).json()["result"] == "deleted"
    assert cloud.documents("truck-positions-*", query) == 0
    tomorrow = datetime.now(UTC) + timedelta(days=1)

    code, _ = cloud.operate(
        "replay-backup",
        *("--from", "2026-01-01", "--to", f"{tomorrow:%Y-%m-%d}", "--after", before),
        *("--into", "stream"),
        *("--points-per-second", "5000"),
    )

    assert code == 0
    eventually(lambda: cloud.documents("truck-positions-*", query) == POINTS)


def test_stolen_tokens_are_rejected_on_every_route_and_on_open_sockets(cloud: Cloud) -> None:
    truck_id, customer_id = unique("T"), unique("C")
    delivery_id = unique("D")
    place = {"lat": ORIGIN.lat, "lon": ORIGIN.lon}
    plan = {"truck_id": truck_id, "customer_id": customer_id, "origin": place, "destination": place}
    path = f"/deliveries/{delivery_id}"
    assert cloud.api("PUT", path, token=cloud.dispatcher, body=plan).status == 201
    truck = cloud.tokens.token("truck", truck_id)
    customer = cloud.tokens.token("customer", customer_id)
    ticket = cloud.api("POST", "/tickets", token=customer).json["ticket"]
    point = telemetry_point(now_ms(), truck_id, **place)

    def posted(token: str) -> int:
        return cloud.api("POST", "/telemetry", token=token, body=point).status

    def seen(token: str) -> int:
        return cloud.api("GET", path, token=token).status

    with Viewer(cloud.environment.websocket_url, ticket=ticket) as viewer:
        viewer.track(delivery_id)
        viewer.wait_for_type("snapshot")
        before = (posted(truck), seen(truck), seen(customer))
        stolen = ("--issued-before", "now", "--reason", "stolen")
        assert cloud.operate("block", "--customer", customer_id, *stolen)[0] == 0
        assert cloud.operate("block", "--truck", truck_id, "--reason", "stolen")[0] == 0
        viewer.wait_for_type("ended", reason="token_expired")
    eventually(lambda: (posted(truck), seen(truck), seen(customer)) == (401, 401, 401))
    with pytest.raises(InvalidStatus) as rejected:
        Viewer(cloud.environment.websocket_url, token=customer)
    # The token's time of issue has whole seconds.
    eventually(lambda: seen(cloud.tokens.token("customer", customer_id)) == 200)
    code, listed = cloud.operate("unblock", "--truck", truck_id)

    assert before == (202, 200, 200)
    assert rejected.value.response.status_code == 401
    assert (code, f"unblocked truck:{truck_id} (revoked)" in listed) == (0, True)
    eventually(lambda: posted(truck) == 202)
