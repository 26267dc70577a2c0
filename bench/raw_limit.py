"""The raw limit of a node: the consumer's own documents, ready-made, in bulk."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from bench.engines import Engines
from bench.figures import CannotMeasureError
from bench.workload import delivery, plan
from rtdts.position_store.documents import StoredFix, encode_position
from rtdts.tracking.positions import Point
from rtdts.tracking.truck_fold import TrackingRules, fold_truck

BULK_ITEMS = 2_000
BULKS_AT_ONCE = 2


def raw_bodies(
    fleet: Sequence[Sequence[Point]], only: Collection[str] | None = None
) -> list[bytes]:
    """The bulk requests that index a fleet's points.

    Args:
        fleet: Each truck's points.
        only: The fields that the documents keep; None: all.
    """
    items: list[bytes] = []
    for of in fleet:
        known = plan(delivery(of))
        update = fold_truck(
            of[0].truck_id, None, [of], [known.match], {known.match.delivery_id: known},
            TrackingRules(),
        )  # fmt: skip
        for indexed in update.positions:
            head = b'{"index":{"_id":"%b"}}' % indexed.fix.point_id.encode()
            document = encode_position(StoredFix(*indexed))
            if only is not None:
                fields = msgspec.json.decode(document)
                kept = {name: value for name, value in fields.items() if name in only}
                document = msgspec.json.encode(kept)
            items.append(b"%b\n%b\n" % (head, document))
    return [
        b"".join(items[start : start + BULK_ITEMS]) for start in range(0, len(items), BULK_ITEMS)
    ]


def raw_rate(running: Engines, bodies: Sequence[bytes], index: str) -> float:
    """Documents/s of the node alone."""

    def send(body: bytes) -> None:
        response = running.opensearch.bulk(
            body=body, index=index, params={"filter_path": "errors,items.*.error"}
        )
        if response["errors"]:
            raise CannotMeasureError(f"the node refused documents: {response['items'][:1]}")

    count = sum(body.count(b"\n") // 2 for body in bodies)
    with ThreadPoolExecutor(BULKS_AT_ONCE) as pool:
        started_s = time.perf_counter()
        list(pool.map(send, bodies))
        elapsed_s = time.perf_counter() - started_s
    return count / elapsed_s
