"""One point, followed by its id through the logs of real parts: from HTTP to the socket."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from rtdts.tracking.instants import parse_instant
from tests.support.http_client import ApiClient
from tests.support.system_settings import TRACED_TRUCK
from tests.support.viewer_client import Viewer
from tests.support.waiting import eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

SIM = [sys.executable, "-m", "sim"]


def traced(cloud: Any, point_id: str) -> list[dict[str, Any]]:
    """What the command prints of a point."""
    requested = [
        *SIM,
        "trace",
        point_id,
        "--run-dir",
        str(cloud.run_dir),
        "--env",
        str(cloud.env_file),
    ]
    done = subprocess.run(requested, capture_output=True, text=True, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def whole_way(cloud: Any, point_id: str) -> list[dict[str, Any]]:
    """Its steps, once the request and both messages that it caused are there; else none."""
    steps = traced(cloud, point_id)
    shown = {step.get("shown") for step in steps}
    # A Lambda's log may be there later than what its request caused.
    is_complete = {"status", "position"} <= shown and any(
        one["step"] == "accepted" for one in steps
    )
    return steps if is_complete else []


def test_a_points_id_is_in_the_log_of_every_part_from_ingest_to_the_socket(
    local_cloud: Any,
) -> None:
    def token(*arguments: str) -> str:
        requested = [*SIM, "token", *arguments, "--env", str(local_cloud.env_file)]
        return subprocess.run(requested, capture_output=True, text=True, check=True).stdout.strip()

    api = ApiClient(local_cloud.environment.server_url)
    delivery_id, customer_id = (f"{kind}-{uuid.uuid4().hex[:10]}" for kind in "DC")
    plan = {
        "truck_id": TRACED_TRUCK,
        "customer_id": customer_id,
        "origin": {"lat": 35.17, "lon": 129.13},
        "destination": {"lat": 35.27, "lon": 129.13},
    }
    api("PUT", f"/deliveries/{delivery_id}", token=token("--dispatcher"), body=plan)
    recorded_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    moving = {"recorded_at": recorded_at, "lat": 35.2, "lon": 129.13, "speed_mps": 15.0}
    point = {"truck_id": TRACED_TRUCK, "seq": 7, **moving}
    point_id = f"{TRACED_TRUCK}:{parse_instant(recorded_at)}:7"

    with Viewer(
        local_cloud.environment.websocket_url, token=token("--customer", customer_id)
    ) as viewer:
        viewer.track(delivery_id)
        viewer.wait_for(lambda message: message["type"] == "snapshot")
        response = api("POST", "/telemetry", token=token("--truck", TRACED_TRUCK), body=point)
        assert response.status == 202, response.text
        viewer.wait_for(lambda message: message["type"] == "status")
        viewer.wait_for(lambda message: message["type"] == "position" and message["position"])
        steps = eventually(lambda: whole_way(local_cloud, point_id))

    by_step = {step["step"]: step for step in reversed(steps)}
    accepted, indexed, status, posted = (
        by_step[name] for name in ("accepted", "indexed", "status", "posted")
    )
    assert [one["component"] for one in (accepted, indexed, status, posted)] == [
        "ingest_lambda",
        "consumer",
        "consumer",
        "broadcaster",
    ]
    # The Kinesis record is the same one. (Which of them is logged first is not defined.)
    assert int(accepted["sequence_number"]) == int(indexed["sequence_number"])
    assert accepted["shard_id"] == indexed["shard_id"]
    assert indexed["timestamp"] <= status["timestamp"] <= posted["timestamp"]
    assert (status["delivery_id"], status["status"]) == (delivery_id, "en_route_to_pickup")
    assert {step["delivery_id"] for step in steps if step["step"] == "posted"} == {delivery_id}
    assert posted["outcome"] == "delivered"
