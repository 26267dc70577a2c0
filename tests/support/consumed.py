"""What the consumer has written to the real stores, and what it should have written."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from consumer.arrivals import StreamRecord
from rtdts.delivery_store.deliveries import DeliveryStore
from rtdts.delivery_store.schema import TableNames
from rtdts.position_store.client import connect
from rtdts.position_store.documents import StoredFix, decode_stored_fix
from rtdts.position_store.index_definitions import POSITIONS_PATTERN
from rtdts.position_store.state import TruckStateStore
from rtdts.tracking.deliveries import Delivery, DeliveryEvent
from rtdts.tracking.delivery_log import fold_log
from rtdts.tracking.fixes import LatestPosition
from rtdts.tracking.status_machine import Transition
from rtdts.tracking.truck_fold import TrackingRules
from rtdts.tracking.truck_state import TruckState
from sim.environment import Environment
from sim.local_cloud.resources import local_session
from tests.support.consumer_world import START_MS, World
from tests.support.latest_positions import LatestPositions

PAGE = 5_000


class Consumed:
    """The stores of a local cloud that the consumer writes to."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._session = local_session(environment.region)
        self._search = connect(environment.opensearch_url)
        self.deliveries = DeliveryStore(
            self.client("dynamodb"),
            TableNames(
                deliveries=environment.deliveries_table,
                delivery_events=environment.delivery_events_table,
                truck_matches=environment.truck_matches_table,
                subscriptions="",
                socket_tickets="",
            ),
        )

    def client(self, service: Any) -> Any:
        return self._session.client(service, endpoint_url=self._environment.aws_endpoint_url)

    def history(self, truck_ids: Iterable[str]) -> list[tuple[str, str, StoredFix]]:
        """Returns index, id and content of every document of these trucks."""
        self._search.indices.refresh(index=POSITIONS_PATTERN)
        found: list[tuple[str, str, StoredFix]] = []
        for truck_id in truck_ids:
            after: list[Any] = []
            while True:
                response = self._search.search(
                    index=POSITIONS_PATTERN,
                    body={
                        "query": {"term": {"truck_id": truck_id}},
                        "sort": [{"event_at": "asc"}, {"seq": "asc"}],
                        "size": PAGE,
                        **({"search_after": after} if after else {}),
                    },
                )
                hits = response["hits"]["hits"]
                found += ((h["_index"], h["_id"], decode_stored_fix(h["_source"])) for h in hits)
                if len(hits) < PAGE:
                    break
                after = hits[-1]["sort"]
        return found

    def latest(self, truck_ids: Sequence[str]) -> dict[str, LatestPosition]:
        return unrevised(LatestPositions(self._search).latest(truck_ids))

    def states(self, truck_ids: Sequence[str]) -> dict[str, TruckState | None]:
        stored = TruckStateStore(self._search).load(truck_ids)
        return {truck_id: one.state for truck_id, one in stored.items()}

    def parked(self) -> dict[str, bytes]:
        """The parked bodies by key."""
        s3, bucket = self.client("s3"), self._environment.parked_bucket
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        keys = [one["Key"] for page in pages for one in page.get("Contents", [])]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


@dataclasses.dataclass(frozen=True)
class Expected:
    """The expected result: that of a consumer on fakes without faults, record by record."""

    world: World

    @classmethod
    def of(cls, deliveries: Iterable[Delivery], records: Sequence[StreamRecord]) -> Expected:
        """Returns the expected result for these records, in the order of their shards."""
        world = World()
        for one in deliveries:
            second = (one.current.started_at_ms - START_MS) // 1_000
            world.assign(one.delivery_id, one.truck_id, second=second)
        pipeline = world.pipeline()
        for start in range(0, len(records), 50):
            pipeline.process(records[start : start + 50])
        pipeline.settle(everything=True)
        return cls(world)

    def history(self) -> list[tuple[str, str, StoredFix]]:
        return [(index, identity, one) for (index, identity), one in self._history.items()]

    @property
    def _history(self) -> dict[tuple[str, str], StoredFix]:
        return self.world.positions.history

    def latest(self, truck_ids: Sequence[str]) -> dict[str, LatestPosition]:
        return unrevised(self.world.positions.latest(truck_ids))

    def transitions(self, delivery_id: str) -> Sequence[Transition]:
        return fold_log(self.world.deliveries.events(delivery_id)).transitions


def unrevised(latest: dict[str, LatestPosition]) -> dict[str, LatestPosition]:
    """Returns the document without the fields that depend on the batches."""
    return {one: msgspec.structs.replace(of, revision=0) for one, of in latest.items()}


def agrees(log: Sequence[DeliveryEvent], expected: Sequence[Transition]) -> bool:
    """Returns whether a log folds to these statuses; times may differ by less than the dwell.

    A smaller change of a time is not corrected. So which of two such times is in the log depends
    on how many points had arrived when the status was first derived.
    """
    in_force = fold_log(log).transitions
    return [(one.status, one.cause) for one in in_force] == [
        (one.status, one.cause) for one in expected
    ] and all(
        abs(one.effective_at_ms - true.effective_at_ms) < TrackingRules().status.dwell_ms
        for one, true in zip(in_force, expected, strict=True)
    )
