"""Shares, and the fakes that their routes need."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from delivery_lambda.share_service import ShareRules, ShareService
from rtdts.runtime.logs import Logger
from rtdts.tracking.shares import Share
from rtdts.tracking.truck_stops import TruckStops
from tests.fakes.fake_delivery_store import FakeDeliveryStore
from tests.fakes.fake_nudge_queue import FakeNudgeQueue
from tests.fakes.fake_shares import FakeShareStore
from tests.fakes.fake_tickets import FakeTicketStore
from tests.support.deliveries import NOW_MS

DAY_S = 86_400
DAY_MS = DAY_S * 1_000
VIEWING_MINUTES = 30


class StopsOfStore:
    """The trucks' remaining stops, by the fake's matches.

    Attributes:
        is_unavailable: Whether each read fails.
    """

    def __init__(self, store: FakeDeliveryStore) -> None:
        self._store = store
        self.failure: Exception | None = None

    def stops_of(self, truck_ids: Iterable[str]) -> dict[str, TruckStops]:
        if self.failure is not None:
            raise self.failure
        return {truck_id: self._store.stops_of(truck_id) for truck_id in truck_ids}


def share_of(delivery_id: str, **changed: Any) -> Share:
    """Returns a share as it is after its creation."""
    made = Share(
        delivery_id=delivery_id,
        share_id="00000000000000aa",
        customer_since_version=1,
        created_at_ms=NOW_MS,
        created_by="ann",
        expires_at_ms=NOW_MS + DAY_MS,
    )
    return msgspec.structs.replace(made, **changed)


def share_service_on(
    store: FakeDeliveryStore,
    *,
    shares: FakeShareStore | None = None,
    stops: StopsOfStore | None = None,
    tickets: FakeTicketStore | None = None,
    nudges: FakeNudgeQueue | None = None,
    log: Logger | None = None,
    most: int = 20,
    now_ms: Callable[[], int] = lambda: NOW_MS,
) -> ShareService:
    """Returns the service behind the routes of shares, on fakes."""
    return ShareService(
        store,
        shares or FakeShareStore(),
        stops or StopsOfStore(store),
        tickets or FakeTicketStore(),
        nudges or FakeNudgeQueue(),
        rules=ShareRules(
            max_life_s=30 * DAY_S,
            max_live=most,
            tickets_per_minute=6,
            viewing_minutes=VIEWING_MINUTES,
        ),
        log=log or Logger("test", io.StringIO()),
        now_ms=now_ms,
    )
