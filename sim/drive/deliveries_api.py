"""Client of the HTTP routes of deliveries, as a back office and a driver's app use them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from rtdts.runtime.backoff import backoff_s
from rtdts.runtime.deadline import Deadline
from rtdts.tracking.instants import format_instant
from sim.fleet.trips import Geofence

TIMEOUT_S = 35.0
"""Limit of one request: a little more than the gateway's own 29 s."""

RETRY_FOR_S = 3 * TIMEOUT_S
"""How long a request is retried while the service is unavailable. An attempt that times out
must leave time for another one."""


class ApiError(Exception):
    """The service rejected the request, or stayed unavailable.

    Attributes:
        status: The HTTP status code; None when there was no response.
    """

    def __init__(self, what: str, status: int | None, detail: str) -> None:
        super().__init__(f"{what}: {f'HTTP {status}, ' if status else ''}{detail}")
        self.status = status


class TokenSource(Protocol):
    """Where a client gets its token."""

    async def __call__(self, *, fresh: bool) -> str:
        """A valid token; a new one when ``fresh``."""


@dataclass(frozen=True)
class DeliveryEventRecord:
    """An event of a delivery's log as the API returns it."""

    version: int
    status: str
    cause: str


@dataclass(frozen=True)
class DeliveryRecord:
    """A delivery as the API returns it."""

    delivery_id: str
    truck_id: str
    customer_id: str
    status: str
    version: int
    events: tuple[DeliveryEventRecord, ...]


class DeliveriesApi:
    """One identity's view of ``/deliveries``."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        server_url: str,
        token: TokenSource,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        retry_for_s: float = RETRY_FOR_S,
    ) -> None:
        self._session = session
        self._base = f"{server_url.rstrip('/')}/deliveries"
        self._token = token
        self._sleep = sleep
        self._retry_for_s = retry_for_s

    async def put(
        self,
        delivery_id: str,
        *,
        truck_id: str,
        customer_id: str,
        origin: Geofence,
        destination: Geofence,
        stop_sequence: int,
    ) -> DeliveryRecord:
        """Create a delivery, or change its plan.

        Its customer sees the truck once the delivery is the truck's next stop.

        Args:
            delivery_id: Id of the delivery.
            truck_id: Its truck.
            customer_id: Its customer.
            origin: Where the cargo is picked up.
            destination: Where the cargo is delivered.
            stop_sequence: Which of the truck's stops it is; the same number is the same stop.

        Raises:
            ApiError: It was rejected, or the service stayed unavailable.
        """
        plan = {
            "truck_id": truck_id,
            "customer_id": customer_id,
            "origin": _place(origin),
            "destination": _place(destination),
            "visibility": {"policy": "next_stop"},
            "stop_sequence": stop_sequence,
        }
        return _record(await self._request("PUT", f"/{delivery_id}", json=plan))

    async def get(self, delivery_id: str) -> DeliveryRecord:
        """Read a delivery with its log.

        Raises:
            ApiError: It was rejected (404 also for a delivery of another identity).
        """
        return _record(await self._request("GET", f"/{delivery_id}"))

    async def declare(
        self,
        delivery_id: str,
        kind: str,
        *,
        at_ms: int,
        key: str,
        failure_code: str | None = None,
    ) -> DeliveryRecord:
        """Declare an event that no sensor can detect.

        Args:
            delivery_id: Id of the delivery.
            kind: One of `DeclaredType`.
            at_ms: When it happened.
            key: The idempotency key.
            failure_code: Why it failed.

        Raises:
            ApiError: It was rejected (409: not allowed in its current status).
        """
        code = {} if failure_code is None else {"failure_code": failure_code}
        return _record(
            await self._request(
                "POST",
                f"/{delivery_id}/events",
                json={"type": kind, "at": format_instant(at_ms), **code},
                headers={"Idempotency-Key": key},
            )
        )

    async def share(self, delivery_id: str, *, expires_in_s: int | None = None) -> str:
        """Create a share: the token of a link that shows the delivery without an account.

        Args:
            delivery_id: Id of the delivery.
            expires_in_s: How long the link is valid; None: as the service's setting says.

        Raises:
            ApiError: It was rejected, or the service stayed unavailable.
        """
        life = {} if expires_in_s is None else {"expires_in_s": expires_in_s}
        body = await self._request("POST", f"/{delivery_id}/shares", json=life)
        return str(body["token"])

    async def shares(self, delivery_id: str) -> list[str]:
        """The ids of the delivery's shares.

        Raises:
            ApiError: It was rejected, or the service stayed unavailable.
        """
        body = await self._request("GET", f"/{delivery_id}/shares")
        return [str(share["share_id"]) for share in body["shares"]]

    async def revoke(self, delivery_id: str, share_id: str) -> None:
        """End a share.

        Raises:
            ApiError: It was rejected, or the service stayed unavailable.
        """
        await self._request("DELETE", f"/{delivery_id}/shares/{share_id}")

    async def _request(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        """Send a request; every route here is idempotent, so transient errors are retried."""
        what = f"{method} /deliveries{path}"
        deadline = Deadline(self._retry_for_s)
        fresh = False
        for wait_s in backoff_s(first_s=0.5, max_s=5.0):
            status: int | None = None
            try:
                token = await self._token(fresh=fresh)
                async with self._session.request(
                    method,
                    self._base + path,
                    json=json,
                    headers={"Authorization": f"Bearer {token}", **(headers or {})},
                    timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                ) as response:
                    status, text = response.status, await response.text()
                    if status == 204:
                        return {}
                    if status in (200, 201):
                        body: Mapping[str, Any] = await response.json(content_type=None)
                        return body
            except (aiohttp.ClientError, TimeoutError) as error:
                text = f"no response: {error}"
            rejected = status is not None and status < 500 and status not in (401, 429)
            if rejected or deadline.passed or (status == 401 and fresh):
                raise ApiError(what, status, text[:300])
            fresh = status == 401
            await self._sleep(wait_s)
        raise AssertionError("backoff never ends")


def _place(geofence: Geofence) -> Mapping[str, float]:
    return {"lat": geofence.lat, "lon": geofence.lon, "radius_m": geofence.radius_m}


def _record(body: Mapping[str, Any]) -> DeliveryRecord:
    try:
        return DeliveryRecord(
            delivery_id=body["delivery_id"],
            truck_id=body["truck_id"],
            customer_id=body["customer_id"],
            status=body["status"],
            version=body["version"],
            events=tuple(
                DeliveryEventRecord(event["version"], event["status"], event["cause"])
                for event in body["events"]
            ),
        )
    except (KeyError, TypeError) as error:
        raise ApiError("a delivery", None, f"the response is incomplete: {error!r}") from error
