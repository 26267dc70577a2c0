"""What anyone can do with `sim/.env`, a token, an HTTP client and a plain WebSocket.

Every route and every message of the contract, on real parts: the KCL's daemon, an OpenSearch node,
the gateways with their authorizers, the Lambdas from their zips.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3
from websockets.exceptions import InvalidStatus

from tests.support.http_client import ApiClient
from tests.support.viewer_client import Viewer
from tests.support.waiting import eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

# Two places in Busan a little more than 1 km apart, so that `nearby` (1 km) lies between them.
METRES_A_DEGREE_OF_LATITUDE = 111_195.0
TRIP_M = 1_200.0
ORIGIN = {"lat": 35.1705505, "lon": 129.1329985}
DESTINATION = {"lat": ORIGIN["lat"] + TRIP_M / METRES_A_DEGREE_OF_LATITUDE, "lon": ORIGIN["lon"]}
SPEED_MPS = 30.0


def instant(ago_s: float = 0.0) -> str:
    at = datetime.now(UTC) - timedelta(seconds=ago_s)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


@pytest.fixture(scope="module")
def api(local_cloud: Any) -> ApiClient:
    return ApiClient(local_cloud.environment.server_url)


@pytest.fixture(scope="module")
def token(local_cloud: Any) -> Callable[..., str]:
    def mint(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "sim", "token", *arguments, "--env", str(local_cloud.env_file)],
            check=True,
            capture_output=True,
            text=True,
        )
        assert done.stdout.count("\n") <= 1, "only the token is printed"
        return done.stdout.strip()

    return mint


@pytest.fixture(scope="module")
def dispatcher(token: Callable[..., str]) -> str:
    return token("--dispatcher")


class Trip:
    """One delivery with its own truck and customer, so that tests do not interfere."""

    def __init__(self, api: ApiClient, token: Callable[..., str], dispatcher: str) -> None:
        self.api, self.dispatcher = api, dispatcher
        self.delivery_id, self.truck_id = unique("D"), unique("T")
        self.customer_id = unique("C")
        self.truck = token("--truck", self.truck_id)
        self.customer = token("--customer", self.customer_id)

    def plan(self, **changed: Any) -> dict[str, Any]:
        return {
            "truck_id": self.truck_id,
            "customer_id": self.customer_id,
            "origin": ORIGIN,
            "destination": DESTINATION,
            **changed,
        }

    def put(self, headers: dict[str, str] | None = None, **changed: Any) -> Any:
        return self.api(
            "PUT",
            f"/deliveries/{self.delivery_id}",
            token=self.dispatcher,
            body=self.plan(**changed),
            headers=headers,
        )

    def get(self, token: str | None = None) -> Any:
        return self.api("GET", f"/deliveries/{self.delivery_id}", token=token or self.dispatcher)

    def declare(self, what: str, *, key: str, token: str | None = None, **more: Any) -> Any:
        return self.api(
            "POST",
            f"/deliveries/{self.delivery_id}/events",
            token=token or self.dispatcher,
            body={"type": what, **more},
            headers={"Idempotency-Key": key},
        )

    def point(self, *, north_m: float = 0.0, ago_s: float = 0.0, **more: Any) -> dict[str, Any]:
        return {
            "truck_id": self.truck_id,
            "recorded_at": instant(ago_s),
            "lat": ORIGIN["lat"] + north_m / METRES_A_DEGREE_OF_LATITUDE,
            "lon": ORIGIN["lon"],
            **more,
        }

    def post(self, *points: dict[str, Any]) -> Any:
        return self.api("POST", "/telemetry", token=self.truck, body={"positions": list(points)})


@pytest.fixture
def trip(api: ApiClient, token: Callable[..., str], dispatcher: str) -> Iterator[Trip]:
    made = Trip(api, token, dispatcher)
    yield made
    made.declare("cancelled", key="tidy-up")


def test_the_daemon_is_the_kcls_and_the_index_is_opensearch_3_8(local_cloud: Any) -> None:
    pid = (local_cloud.run_dir / "consumer.pid").read_text().strip()
    command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    runs = Path(f"/proc/{pid}/exe").resolve().name
    node = urllib3.request("GET", local_cloud.environment.opensearch_url).json()

    assert runs == "java"
    assert b"software.amazon.kinesis.multilang.MultiLangDaemon" in command
    assert node["version"]["number"].startswith("3.8.")
    assert node["version"]["distribution"] == "opensearch"


def test_telemetry_has_a_result_per_point(trip: Trip) -> None:
    good, repeat = trip.point(seq=1), trip.point(seq=1)
    repeat["recorded_at"] = good["recorded_at"]
    response = trip.post(
        good,
        {**good, "lat": 123.0},
        repeat,
        trip.point(ago_s=8 * 86_400),
        {"truck_id": trip.truck_id, "lat": 1.0, "lon": 1.0},
    )

    assert response.status == 202, response.text
    assert response.json["accepted"] == 2
    assert [(r["index"], r["field"]) for r in response.json["rejected"]] == [
        (1, "lat"),
        (3, "recorded_at"),
        (4, "recorded_at"),
    ]
    assert response.json["rejected"][1]["reason"] == "too_old"
    assert response.json["adjusted"] == []


def test_a_clock_ahead_is_shifted_and_reported(trip: Trip) -> None:
    response = trip.post(trip.point(ago_s=-3600), trip.point(ago_s=-3610))

    assert response.status == 202
    assert [a["index"] for a in response.json["adjusted"]] == [0, 1]
    assert all(-3_700_000 < a["offset_ms"] < -3_500_000 for a in response.json["adjusted"])


def test_telemetry_in_the_first_generations_form_is_accepted_plain_and_gzipped(
    api: ApiClient, token: Callable[..., str]
) -> None:
    truck_id = str(uuid.uuid4().int % 10**9)
    truck = token("--truck", truck_id)
    seoul = datetime.now(UTC) + timedelta(hours=9)
    first_generation = {
        "truckId": int(truck_id),
        "timestamp": int(seoul.strftime("%Y%m%d%H%M%S")),
        "lon": 129.1329985,
        "lat": 35.1705505,
    }
    plain = api("POST", "/telemetry", token=truck, body=first_generation)
    packed = api(
        "POST",
        "/telemetry",
        token=truck,
        raw=gzip.compress(json.dumps(first_generation).encode()),
        headers={"Content-Type": "application/gzip"},
    )

    assert (plain.status, plain.json["accepted"]) == (202, 1), plain.text
    assert (packed.status, packed.json["accepted"]) == (202, 1), packed.text


def test_telemetry_requests_are_rejected_with_the_documented_status_codes(
    trip: Trip, api: ApiClient
) -> None:
    point = trip.point()
    rejections = {
        "no token": api("POST", "/telemetry", body=point),
        "another truck": trip.post(point, {**point, "truck_id": "T-other"}),
        "a customer": api("POST", "/telemetry", token=trip.customer, body=point),
        "nothing valid": trip.post({**point, "lat": "north"}),
        "not JSON": api("POST", "/telemetry", token=trip.truck, raw=b"{"),
        "too many": trip.post(*[point] * 501),
        "too large": api("POST", "/telemetry", token=trip.truck, raw=b'"' + b" " * 1_100_000),
    }

    assert {why: a.status for why, a in rejections.items()} == {
        "no token": 401,
        "another truck": 403,
        "a customer": 403,
        "nothing valid": 400,
        "not JSON": 400,
        "too many": 413,
        "too large": 413,
    }
    assert rejections["nothing valid"].json["rejected"][0]["field"] == "lat"
    for why, response in rejections.items():
        if why != "no token":  # that one is the gateway's own
            assert response.headers["Content-Type"].startswith("application/problem+json"), why
            assert {"title", "status"} <= response.json.keys(), why


def test_deliveries_are_created_changed_and_read_by_entitled_clients(
    trip: Trip, api: ApiClient, token: Callable[..., str]
) -> None:
    created, same = trip.put(), trip.put()
    changed = trip.put(destination={**DESTINATION, "radius_m": 150})
    stale = trip.put(headers={"If-Match": "1"}, origin={**ORIGIN, "radius_m": 80})
    stranger = token("--customer", unique("C"))

    assert [created.status, same.status, changed.status, stale.status] == [201, 200, 200, 412]
    assert [created.json["version"], same.json["version"], changed.json["version"]] == [1, 1, 2]
    for entitled in (trip.dispatcher, trip.customer, trip.truck):
        seen = trip.get(entitled)
        assert seen.status == 200
        assert {"delivery_id", "truck_id", "customer_id", "status", "version"} <= seen.json.keys()
        assert [e["version"] for e in seen.json["events"]] == [1, 2]
    assert trip.get(stranger).status == 404
    assert trip.get("not-a-token").status == 401
    mine = api("GET", "/deliveries", token=trip.customer)
    others = api("GET", f"/deliveries?customer_id={trip.customer_id}", token=stranger)
    by_truck = api("GET", f"/deliveries?truck_id={trip.truck_id}", token=trip.dispatcher)
    assert [d["delivery_id"] for d in mine.json["deliveries"]] == [trip.delivery_id]
    assert others.status in (403, 404) or others.json["deliveries"] == []
    assert [d["delivery_id"] for d in by_truck.json["deliveries"]] == [trip.delivery_id]


def test_declarations_are_idempotent_and_legal_or_rejected(trip: Trip, api: ApiClient) -> None:
    trip.put()
    path = f"/deliveries/{trip.delivery_id}/events"
    keyless = api("POST", path, token=trip.truck, body={"type": "picked_up"})
    first = trip.declare("picked_up", key="k1", token=trip.truck)
    again = trip.declare("picked_up", key="k1", token=trip.truck)
    other_body = trip.declare("picked_up", key="k1", token=trip.truck, note="other")
    not_the_trucks = trip.declare("cancelled", key="k2", token=trip.truck)
    done = trip.declare("delivered", key="k3", token=trip.truck)
    closed = trip.put(destination={**DESTINATION, "radius_m": 200})

    statuses = [a.status for a in (keyless, first, again, other_body)]
    assert statuses == [400, 201, 200, 409]
    assert not_the_trucks.status == 403
    assert (done.status, closed.status) == (201, 409)
    assert trip.get().json["status"] == "delivered"


def test_a_whole_trip_reaches_its_customer(trip: Trip, local_cloud: Any) -> None:
    trip.put()
    with Viewer(local_cloud.environment.websocket_url, token=trip.customer) as viewer:
        viewer.track(trip.delivery_id)
        snapshot = viewer.wait_for_type("snapshot")
        assert snapshot["status"] == "assigned"
        assert snapshot["position"] is None, "while assigned there is no position"

        stood = stand_until(trip, viewer, north_m=0, status="at_pickup")
        drive(trip, from_m=0, to_m=TRIP_M)
        viewer.wait_for_type("status", status="in_transit")
        viewer.wait_for_type("status", status="nearby")
        stand_until(trip, viewer, north_m=TRIP_M, status="arrived")
        position = viewer.wait_for(lambda m: m["type"] == "position" and m["status"] == "arrived")
        trip.declare("delivered", key="done", token=trip.truck)
        viewer.wait_for_type("status", status="delivered")

    assert stood >= 1
    assert position["position"]["lat"] == pytest.approx(DESTINATION["lat"], abs=1e-3)
    assert 0 <= position["distance_remaining_m"] < 100
    assert position["position"]["age_s"] >= 0
    log = trip.get().json["events"]
    assert [e["version"] for e in log] == list(range(1, len(log) + 1))
    causes = {e["status"]: e["cause"] for e in log}
    assert causes["at_pickup"] == "dwelt_at_origin"
    assert causes["in_transit"] == "left_origin"
    assert causes["nearby"] == "near_destination"
    assert causes["arrived"] == "dwelt_at_destination"
    assert causes["delivered"] == "declared"


def drive(trip: Trip, *, from_m: float, to_m: float) -> None:
    """Sends one fix per second, in real time: a truck that jumped would be implausible."""
    started_at = time.monotonic()
    while (north_m := from_m + SPEED_MPS * (time.monotonic() - started_at)) < to_m:
        assert trip.post(trip.point(north_m=north_m, speed_mps=SPEED_MPS)).status == 202
        time.sleep(1.0)


def stand_until(trip: Trip, viewer: Viewer, *, north_m: float, status: str) -> int:
    """Sends one fix per second from one place until the customer receives the status."""
    for sent in range(1, 301):
        assert trip.post(trip.point(north_m=north_m, speed_mps=0.0)).status == 202
        try:
            viewer.wait_for_type("status", status=status, within_s=1.0)
        except AssertionError:
            continue
        return sent
    raise AssertionError(f"never {status}")


def test_the_socket_rejects_and_replies_as_documented(
    trip: Trip, api: ApiClient, token: Callable[..., str], local_cloud: Any
) -> None:
    url = local_cloud.environment.websocket_url
    trip.put()
    for arguments, status in (
        ({}, 401),
        ({"token": "not-a-token"}, 401),
        ({"ticket": "not-a-ticket"}, 401),
        ({"token": trip.truck}, 403),
    ):
        with pytest.raises(InvalidStatus) as rejected:
            Viewer(url, **arguments)
        assert rejected.value.response.status_code == status, arguments

    made = api("POST", "/tickets", token=trip.customer)
    assert made.status == 201
    with Viewer(url, ticket=made.json["ticket"]) as viewer:
        viewer.send({"action": "ping"})
        viewer.wait_for_type("pong")
        viewer.send("no JSON")
        viewer.wait_for_type("error", reason="bad_request")
        viewer.send({"action": "track"})
        viewer.wait_for(lambda m: m["type"] == "error" and len(viewer.messages) >= 3)
        viewer.track(unique("D"))
        viewer.wait_for_type("error", reason="not_found")
        viewer.track(trip.delivery_id)
        viewer.wait_for_type("snapshot", delivery_id=trip.delivery_id)
        viewer.send({"action": "untrack", "delivery_id": trip.delivery_id})
    with pytest.raises(InvalidStatus):
        Viewer(url, ticket=made.json["ticket"])  # spent

    with Viewer(url, token=token("--customer", unique("C"))) as intruder:
        intruder.track(trip.delivery_id)
        assert intruder.wait_for_type("error")["reason"] == "not_found"


def test_a_delivery_given_to_another_customer_ends_for_the_first(
    trip: Trip, token: Callable[..., str], local_cloud: Any
) -> None:
    trip.put()
    with Viewer(local_cloud.environment.websocket_url, token=trip.customer) as viewer:
        viewer.track(trip.delivery_id)
        viewer.wait_for_type("snapshot")
        trip.put(customer_id=unique("C"))
        viewer.wait_for_type("ended", reason="no_longer_yours")


def test_a_new_customer_sees_neither_earlier_events_nor_the_earlier_track(
    trip: Trip, token: Callable[..., str], local_cloud: Any
) -> None:
    other = unique("C")
    trip.put()
    trip.put(destination={**DESTINATION, "radius_m": 150})
    trip.put(customer_id=other)

    with Viewer(local_cloud.environment.websocket_url, token=token("--customer", other)) as viewer:
        viewer.track(trip.delivery_id)
        snapshot = viewer.wait_for_type("snapshot")

    assert [event["version"] for event in snapshot["events"]] == [3]
    assert snapshot["track"] == []


def test_after_a_change_of_truck_only_the_new_trucks_positions_are_shown(
    trip: Trip, token: Callable[..., str], api: ApiClient, local_cloud: Any
) -> None:
    trip.put()
    second_id = unique("T")
    second = token("--truck", second_id)
    with Viewer(local_cloud.environment.websocket_url, token=trip.customer) as viewer:
        viewer.track(trip.delivery_id)
        viewer.wait_for_type("snapshot")
        trip.put(truck_id=second_id)
        viewer.wait_for(lambda m: m.get("assignment") == 2 and m["type"] == "status")
        trip.post(trip.point(north_m=-5000, speed_mps=9.0))
        shown = None
        for second_m in range(300, 3300, 10):
            fix = {**trip.point(north_m=second_m, speed_mps=10.0), "truck_id": second_id}
            assert api("POST", "/telemetry", token=second, body=fix).status == 202
            try:
                shown = viewer.wait_for(
                    lambda m: m["type"] == "position" and m["position"] is not None, within_s=1.0
                )
            except AssertionError:
                continue
            break

    assert shown is not None
    assert shown["assignment"] == 2
    assert shown["position"]["lat"] > ORIGIN["lat"]
    assert all(m["position"]["lat"] > ORIGIN["lat"] for m in viewer.messages if m.get("position"))


def test_a_record_of_another_writer_is_parked_and_affects_no_other_record(
    trip: Trip, local_cloud: Any
) -> None:
    environment = local_cloud.environment
    session = boto3.Session(
        aws_access_key_id=environment.access_key_id,
        aws_secret_access_key=environment.secret_access_key,
        region_name=environment.region,
    )
    stream = session.client("kinesis", endpoint_url=environment.aws_endpoint_url)
    bucket = session.client("s3", endpoint_url=environment.aws_endpoint_url)
    before = parked_keys(bucket, environment.parked_bucket)
    for junk in (
        b"\x00\xff not JSON",
        json.dumps({"truck_id": "T-else"}).encode(),
        aggregate_without_its_key(),
    ):
        stream.put_record(StreamName=environment.stream_name, Data=junk, PartitionKey=trip.truck_id)
    point = trip.point(seq=7)
    assert trip.post(point).status == 202

    eventually(lambda: len(parked_keys(bucket, environment.parked_bucket) - before) >= 2)
    found = eventually(lambda: history_of(environment.opensearch_url, trip.truck_id))
    assert [hit["_source"]["seq"] for hit in found] == [7]


def aggregate_without_its_key() -> bytes:
    """One record that refers to a sixth partition key, where there is only one. The KCL drops it
    and logs it through JAXB: if that is missing, it stops reading the shard."""
    key_table, record = b"\x0a\x03T-1", b"\x1a\x06\x08\x05\x1a\x02{}"
    body = key_table + record
    return b"\xf3\x89\x9a\xc2" + body + hashlib.md5(body).digest()  # noqa: S324 - KPL's digest


def parked_keys(bucket: Any, name: str) -> set[str]:
    listed = bucket.list_objects_v2(Bucket=name, Prefix="rejected/")
    return {entry["Key"] for entry in listed.get("Contents", [])}


def history_of(opensearch_url: str, truck_id: str) -> list[Any]:
    response = urllib3.request(
        "POST",
        f"{opensearch_url}/truck-positions-*/_search",
        json={"query": {"term": {"truck_id": truck_id}}},
    )
    return list(response.json()["hits"]["hits"])
