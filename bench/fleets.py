"""Many trucks on few drives, each with a delivery: a wide fleet at little cost."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bench.consumer_points import carry_deliveries
from bench.engines import Engines
from bench.figures import CannotMeasureError
from rtdts.delivery_store.batches import MAX_WRITES
from rtdts.delivery_store.items import chunks
from rtdts.tracking.positions import Point


def fleet_on(drives: Sequence[Sequence[Point]], name: str, trucks: int) -> list[list[Point]]:
    """The points of a number of trucks; truck number n drives the (n modulo drives)th drive."""
    return [
        [
            msgspec.structs.replace(point, truck_id=f"{name}-{number:06d}")
            for point in drives[number % len(drives)]
        ]
        for number in range(trucks)
    ]


def carry(running: Engines, fleet: Sequence[Sequence[Point]], drives: int) -> None:
    """Gives every truck of a `fleet_on` a delivery.

    The delivery of the first truck on each drive is created as usual. The others' are copies of its
    items, as thousands of creations would take longer than the whole measurement.
    """
    carry_deliveries(running, fleet[:drives])
    names, client = running.environment, running.client("dynamodb")
    expected: dict[str, list[bytes]] = {}
    for first, *others in (fleet[number::drives] for number in range(min(drives, len(fleet)))):
        truck_id = first[0].truck_id
        delivery_id = {"delivery_id": {"S": f"D-{truck_id}"}}
        for table, key in (
            (names.deliveries_table, delivery_id),
            (names.delivery_events_table, {**delivery_id, "version": {"N": "1"}}),
            (names.truck_matches_table, {"truck_id": {"S": truck_id}}),
        ):
            item = msgspec.json.encode(client.get_item(TableName=table, Key=key)["Item"])
            for of in others:
                renamed = item.replace(truck_id.encode(), of[0].truck_id.encode())
                expected.setdefault(table, []).append(renamed)
    for table, items in expected.items():
        for some in chunks(items, MAX_WRITES):
            puts = [{"PutRequest": {"Item": msgspec.json.decode(item)}} for item in some]
            if client.batch_write_item(RequestItems={table: puts}).get("UnprocessedItems"):
                raise CannotMeasureError("deliveries could not be written")
