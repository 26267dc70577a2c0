"""All that ``truck-latest`` holds of a truck: the product reads only what viewers may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rtdts.position_store.documents import REVISIONS, decode_stored_fix
from rtdts.position_store.index_definitions import LATEST_INDEX
from rtdts.position_store.reader import PositionReader
from rtdts.tracking.current_delivery import CurrentDelivery
from rtdts.tracking.deliveries import Status
from rtdts.tracking.fixes import Fix, LatestPosition
from rtdts.tracking.instants import parse_instant
from rtdts.tracking.positions import DeliveryProgress


class LatestPositions(PositionReader):
    """Reads complete latest positions, too."""

    def latest(self, truck_ids: Sequence[str]) -> dict[str, LatestPosition]:
        """The latest positions of the trucks that have one, without any refresh lag."""
        if not truck_ids:
            return {}
        response = self._client.mget(index=LATEST_INDEX, body={"ids": list(truck_ids)})
        return {
            document["_id"]: decode_latest(document["_source"], document["_version"])
            for document in response["docs"]
            if document["found"]
        }


def decode_latest(source: Mapping[str, Any], version: int) -> LatestPosition:
    """A document of ``truck-latest``, with its external version."""
    newest, deliveries, _ = decode_stored_fix(source)
    shown: Fix | None = None
    shown_deliveries: tuple[DeliveryProgress, ...] = ()
    if source.get("is_shown"):
        shown, shown_deliveries = newest, deliveries
    elif "shown" in source:
        shown, shown_deliveries, _ = decode_stored_fix(source["shown"])
    stale_since = source.get("stale_since")
    return LatestPosition(
        newest=newest,
        deliveries=deliveries,
        shown=shown,
        shown_deliveries=shown_deliveries,
        stale_since_ms=None if stale_since is None else parse_instant(stale_since),
        current=_current(source.get("fleet", {})),
        revision=version % REVISIONS,
    )


def _current(fleet: Mapping[str, Any]) -> CurrentDelivery | None:
    if "delivery_id" not in fleet:
        return None
    return CurrentDelivery(
        delivery_id=fleet["delivery_id"],
        status=Status(fleet["status"]),
        late_from_ms=fleet.get("late_from"),
    )
