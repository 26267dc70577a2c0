"""What the fuzzers share: how much to try, as which identity, and what must not have happened.

    make fuzz                       # 50,000 requests and 10,000 frames; an hour or so on 2 cores
    FUZZ_CASES=14000 make fuzz      # a quarter of it

In the ordinary run they try some 150, the same each time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import boto3
import pytest
from hypothesis import HealthCheck, Phase, settings

from sim.local_cloud.launch import LaunchedCloud
from sim.token_client import TokenClient
from tests.support.lambda_logs import faults_since, now_ms

QUICK_CASES = 150
IDENTITIES = {"truck": "T-fuzz", "customer": "C-fuzz", "dispatcher": "ann"}
PARTS = ("broadcaster", "consumer", "firehose", "ministack", "opensearch", "socket-gateway")


class Amount:
    """How much to try in all."""

    def __init__(self) -> None:
        named = os.environ.get("FUZZ_CASES")
        self._is_quick = named is None
        self.cases = int(named) if named else QUICK_CASES

    def share(self, part: float) -> settings:
        """Settings for a part of all cases."""
        return settings(
            max_examples=max(3, round(self.cases * part)),
            deadline=None,
            database=None,
            derandomize=self._is_quick,
            print_blob=True,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )


@pytest.fixture(scope="session")
def amount() -> Amount:
    return Amount()


@pytest.fixture(scope="session")
def token_of(local_cloud: LaunchedCloud) -> Callable[[str], str]:
    client = TokenClient.of(local_cloud.environment)
    tokens = {
        role: client.token(role, identity, ttl_s=7200) for role, identity in IDENTITIES.items()
    }
    return tokens.__getitem__


@pytest.fixture(scope="module", autouse=True)
def nothing_broke(local_cloud: LaunchedCloud) -> Iterator[None]:
    """No trace in a Lambda's log, nothing that was accepted parked, every part still the same."""
    start_ms, processes, parked = now_ms(), _processes(local_cloud), _parked(local_cloud)

    yield

    assert faults_since(local_cloud.environment, start_ms) == []
    assert _processes(local_cloud) == processes
    assert _parked(local_cloud) - parked == set()


def _processes(cloud: LaunchedCloud) -> dict[str, str]:
    return {part: (cloud.run_dir / f"{part}.pid").read_text().strip() for part in PARTS}


def _parked(cloud: LaunchedCloud) -> set[str]:
    environment = cloud.environment
    client = boto3.client(
        "s3",
        endpoint_url=environment.aws_endpoint_url,
        region_name=environment.region,
        aws_access_key_id=environment.access_key_id,
        aws_secret_access_key=environment.secret_access_key,
    )
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=environment.parked_bucket)
    return {one["Key"] for page in pages for one in page.get("Contents", [])}
