"""Basic ingest of AWS IoT Core: the uploader's way out for boxes.

A box publishes over MQTT with a certificate; here its message goes in by the data plane's HTTP
request, which starts the same rule. What has a response counts as accepted, as a box takes PUBACK.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from sim.fleet.upload_responses import UploadResponse
from sim.fleet.uploader import UnreachableError

_ACKNOWLEDGED: Final = UploadResponse(202, {}, b"{}")


class Publishing(Protocol):
    """What is used of the SDK's client of the data plane."""

    def publish(self, **request: Any) -> Any:
        """``Publish``."""
        ...


class IotPoster:
    """Publishes a truck's bodies to a rule.

    Args:
        client: Makes the SDK's client of the data plane.
        rule: The rule's name.
        truck_id: The truck.
    """

    def __init__(self, client: Callable[[], Publishing], rule: str, truck_id: str) -> None:
        self._client = client()
        self._topic = f"$aws/rules/{rule}/trucks/{truck_id}/telemetry"

    async def __call__(self, body: bytes, content_type: str, token: str) -> UploadResponse:
        """Publish a body; its type is known by its first bytes, and no token is used.

        Raises:
            UnreachableError: There was no response.
        """
        try:
            await asyncio.to_thread(self._client.publish, topic=self._topic, qos=1, payload=body)
        except (BotoCoreError, ClientError) as error:
            raise UnreachableError(str(error)) from error
        return _ACKNOWLEDGED
