"""Sends the uploader's batches by Basic Ingest of AWS IoT Core, as telematics devices do.

A device publishes over MQTT with a certificate; here its message goes in by the data plane's HTTP
request, which starts the same rule. A message with a response counts as accepted, as a device
treats PUBACK.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from sim.fleet.upload_responses import UploadResponse
from sim.fleet.uploader import UnreachableError

_ACKNOWLEDGED: Final = UploadResponse(202, {}, b"{}")


class IotDataPort(Protocol):
    """The methods used of the SDK's client of the data plane."""

    def publish(self, **request: Any) -> Any:
        """``Publish``."""


class IotPoster:
    """Publishes a truck's request bodies to a rule.

    Args:
        client: Creates the SDK's client of the data plane.
        rule: The rule's name.
        truck_id: The truck.
    """

    def __init__(self, client: Callable[[], IotDataPort], rule: str, truck_id: str) -> None:
        self._client = client()
        self._topic = f"$aws/rules/{rule}/trucks/{truck_id}/telemetry"

    async def __call__(self, body: bytes, content_type: str, token: str) -> UploadResponse:
        """Publish a body; its first bytes show its type, and no token is used.

        Raises:
            UnreachableError: There was no response.
        """
        try:
            await asyncio.to_thread(self._client.publish, topic=self._topic, qos=1, payload=body)
        except (BotoCoreError, ClientError) as error:
            raise UnreachableError(str(error)) from error
        return _ACKNOWLEDGED
