"""What the Lambdas of a local cloud wrote into their logs, read as one would in AWS."""

from __future__ import annotations

import time
from collections.abc import Iterator

import boto3

from sim.environment import Environment
from sim.local_cloud.lambdas import FUNCTIONS

_FAULTS = ('"level":"error"', "Traceback (most recent call last)", "Task timed out")


def now_ms() -> int:
    """What `faults_since` wants to know."""
    return time.time_ns() // 1_000_000


def faults_since(environment: Environment, start_ms: int) -> list[str]:
    """Every line since then that tells of a fault: an error, a trace, a time-out."""
    return [
        f"{group}: {line[:2_000]}"
        for group in (f"/aws/lambda/{function.name}" for function in FUNCTIONS)
        for line in _lines(environment, group, start_ms)
        if any(sign in line for sign in _FAULTS)
    ]


def _lines(environment: Environment, group: str, start_ms: int) -> Iterator[str]:
    client = boto3.client(
        "logs",
        endpoint_url=environment.aws_endpoint_url,
        region_name=environment.region,
        aws_access_key_id=environment.access_key_id,
        aws_secret_access_key=environment.secret_access_key,
    )
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=start_ms
    )
    try:
        for page in pages:
            yield from (event["message"] for event in page["events"])
    except client.exceptions.ResourceNotFoundException:
        return  # a function that was never called has no log
