"""Reads the logs of a local cloud's Lambdas, as one would in AWS."""

from __future__ import annotations

from collections.abc import Iterator

import boto3

from sim.environment import Environment
from sim.local_cloud.lambdas import FUNCTIONS


def log_lines(environment: Environment, *, since_ms: int = 0) -> Iterator[tuple[str, str]]:
    """Every log line of every Lambda, function by function, with the name of its log group.

    Args:
        environment: Addresses of the local cloud.
        since_ms: Lines before this time are omitted.

    Raises:
        botocore.exceptions.BotoCoreError: The local cloud is not reachable.
        botocore.exceptions.ClientError: It rejected the request.
    """
    client = boto3.client(
        "logs",
        endpoint_url=environment.aws_endpoint_url,
        region_name=environment.region,
        aws_access_key_id=environment.access_key_id,
        aws_secret_access_key=environment.secret_access_key,
    )
    for group in (f"/aws/lambda/{function.name}" for function in FUNCTIONS):
        pages = client.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=since_ms
        )
        try:
            for page in pages:
                for event in page["events"]:
                    yield group, event["message"]
        except client.exceptions.ResourceNotFoundException:
            continue  # a function that was never invoked has no log
