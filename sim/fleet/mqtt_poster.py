"""Sends the uploader's batches to `trucks/{truck_id}/telemetry` over MQTT.

A message that the broker has acknowledged counts as accepted, as for a real device. A drive checks
that it is in the history afterwards.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from sim.fleet.mqtt_truck import MqttTruck, NotPublishedError, RejectedByBrokerError
from sim.fleet.upload_responses import UploadResponse
from sim.fleet.uploader import UnreachableError

_ACKNOWLEDGED = UploadResponse(202, {}, b"{}")
_REJECTED = UploadResponse(401, {}, b"{}")


class MqttPoster:
    """Publishes on a connection that is opened when needed, and reopened when lost.

    Args:
        url: The broker's URL.
        truck_id: The truck.
        on_result: Called with each result that the truck receives.
    """

    def __init__(
        self, url: str, truck_id: str, on_result: Callable[[Mapping[str, Any]], None]
    ) -> None:
        self._url = url
        self._truck_id = truck_id
        self._on_result = on_result
        self._opened = contextlib.AsyncExitStack()
        self._truck: MqttTruck | None = None
        self._token = ""
        self._number = 0

    async def __call__(self, body: bytes, content_type: str, token: str) -> UploadResponse:
        """Publish a body and wait for its acknowledgement.

        Raises:
            UnreachableError: There was no acknowledgement.
        """
        try:
            truck = await self._connected(token)
            self._number += 1
            await truck.publish(
                f"trucks/{self._truck_id}/telemetry",
                body,
                content_type=content_type,
                correlation=b"%d" % self._number,
            )
        except RejectedByBrokerError:
            await self.close()
            return _REJECTED
        except NotPublishedError as error:
            await self.close()
            raise UnreachableError(str(error)) from error
        return _ACKNOWLEDGED

    async def close(self) -> None:
        """Close the connection; the next body opens another one."""
        self._truck = None
        await self._opened.aclose()

    async def _connected(self, token: str) -> MqttTruck:
        if self._truck is not None and not self._truck.is_lost and token == self._token:
            return self._truck
        await self.close()
        truck = MqttTruck(self._url, self._truck_id, token, on_message=self._receive)
        await self._opened.enter_async_context(truck.opened())
        await truck.subscribe(f"trucks/{self._truck_id}/telemetry/result")
        self._truck, self._token = truck, token
        return truck

    def _receive(self, _topic: str, payload: bytes, _correlation: bytes | None) -> None:
        self._on_result(json.loads(payload))
