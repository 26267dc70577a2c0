"""Records the local cloud's requests to AWS, without an AWS."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sim.environment import Environment
from sim.local_cloud import provisioning, resources
from sim.local_cloud.lambdas import FUNCTIONS
from sim.local_cloud.resources import CloudNames, create_resources

REGION = "eu-central-1"
ENDPOINT = "http://emulator.invalid"


@dataclasses.dataclass(frozen=True)
class Request:
    """One call of the SDK."""

    service: str
    operation: str
    arguments: dict[str, Any]


class RecordingClient:
    """Records its requests, and returns the minimum that the local cloud needs to continue."""

    def __init__(self, service: str, requests: list[Request]) -> None:
        self._service = service
        self._requests = requests
        self._numbers = itertools.count(1)

    def __getattr__(self, operation: str) -> Any:
        def call(**arguments: Any) -> dict[str, Any]:
            self._requests.append(Request(self._service, operation, arguments))
            number = next(self._numbers)
            return {
                "ApiId": f"api{number}",
                "AuthorizerId": f"authorizer{number}",
                "IntegrationId": f"integration{number}",
                "FunctionArn": f"arn:{arguments.get('FunctionName')}",
                "QueueUrl": f"{ENDPOINT}/{arguments.get('QueueName')}",
                "Attributes": {"QueueArn": f"arn:{arguments.get('QueueUrl')}"},
            }

        return call

    def get_waiter(self, _name: str) -> Any:
        return _Waiter()

    def get_paginator(self, _operation: str) -> Any:
        return _Shards()


class _Waiter:
    def wait(self, **_arguments: Any) -> None:
        pass


class _Shards:
    def paginate(self, **_arguments: Any) -> Iterator[dict[str, Any]]:
        shard = {
            "ShardId": "shardId-000000000000",
            "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "1"},
        }
        yield {"Shards": [shard]}


class RecordingSession:
    """Returns clients that record their requests."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def client(self, service: str, **_options: Any) -> RecordingClient:
        return RecordingClient(service, self.requests)

    def made(self, operation: str) -> list[dict[str, Any]]:
        """Returns the arguments of every call of an operation."""
        return [one.arguments for one in self.requests if one.operation == operation]


def record_local_cloud(
    patch: pytest.MonkeyPatch, folder: Path
) -> tuple[RecordingSession, Environment]:
    """Lets the local cloud create everything, and returns its requests.

    Args:
        patch: Replaces the SDK by the recorder.
        folder: The folder of the zips, which are not read.
    """
    session = RecordingSession()
    patch.setattr(resources, "local_session", lambda _region: session)
    patch.setattr(provisioning, "local_session", lambda _region: session)
    zips = {}
    for name in (function.package.name for function in FUNCTIONS):
        zips[name] = folder / f"{name}.zip"
        zips[name].write_bytes(b"")
    created = create_resources(ENDPOINT, REGION, CloudNames())
    environment = provisioning.deploy_gateways(
        created,
        endpoint_url=ENDPOINT,
        socket_endpoint_url="http://sockets.invalid",
        region=REGION,
        opensearch_url="http://search.invalid",
        issuer="http://issuer.invalid",
        mqtt_url="mqtt://broker.invalid:1883",
        web_url="http://pages.invalid:8090",
        audience="rtdts",
        token_secret="s",
        zips=zips,
    )
    return session, environment
