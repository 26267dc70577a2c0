"""Guarantee 3: in whatever order the points arrive, the log folds to the timeline."""

from __future__ import annotations

import dataclasses
import functools
import random
from collections.abc import Iterable

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bench.truth.timeline import since_last_declaration, timeline
from rtdts.tracking.deliveries import (
    CLOSED,
    Cause,
    DeliveryEvent,
    OpenMatch,
    Place,
    PlannedRoute,
    Status,
)
from rtdts.tracking.delivery_log import fold_log, is_declared
from rtdts.tracking.delivery_state import DeliveryPlan, reconcile_with_log
from rtdts.tracking.enrichment import enrich
from rtdts.tracking.fixes import Fix, fix_of
from rtdts.tracking.positions import Point
from rtdts.tracking.settling import EarlierFixesNeededError, Refold, StoredFix
from rtdts.tracking.status_machine import Transition
from rtdts.tracking.stream_position import ShardPosition
from rtdts.tracking.truck_fold import (
    WINDOW_FIXES,
    TrackingRules,
    TruckUpdate,
    fold_truck,
    is_remembered,
    reconcile_deliveries,
)
from rtdts.tracking.truck_state import TruckState
from tests.support.points import make_point, metres_east

START_MS = 1_700_000_000_000
ORIGIN = Place(lat=48.0, lon=11.0, radius_m=100.0)
_LAT, _LON = metres_east(4_000.0)
DESTINATION = Place(lat=_LAT, lon=_LON, radius_m=100.0)
RULES = TrackingRules()

LAST = 1 << 60
"""The number of a record after all others."""
ORDINALS_EACH = 1 << 30
"""Ordinals of a truck without a state begin above all that it may have had before."""

Record = list[Point]


def at(second: int, east_m: float, *, speed_mps: float = 60.0) -> Point:
    lat, lon = metres_east(east_m)
    when = START_MS + second * 1_000
    return make_point("T-1", when, lat, lon, seq=second, speed_mps=speed_mps)


def drive() -> list[Point]:
    """To the origin, a wait, to the destination, a wait: a fix every 10 s."""
    metres = [-800, -600, -400, -200, -50, 0, 0, 10, 20, 30, 30, 60, 90, 180, 400, 900]
    metres += [1500, 2100, 2700, 3100, 3300, 3600, 3900, 3990, 4000, 4000, 4000, 4000, 4000, 4010]
    return [at(10 * n, float(m)) for n, m in enumerate(metres)]


DRIVE = drive()


@dataclasses.dataclass
class World:
    """A truck, its history, a delivery's log, and a consumer without anything around it."""

    log: list[DeliveryEvent] = dataclasses.field(default_factory=list)
    state: TruckState | None = None
    match_version: int = 1
    rules: TrackingRules = RULES
    history: dict[str, tuple[Fix, int]] = dataclasses.field(default_factory=dict)
    """Each fix and its document's version, by id."""
    lives: int = 0
    """How often the truck began without a state."""
    settlings: list[int] = dataclasses.field(default_factory=list)
    """How many events each settling appended."""

    def __post_init__(self) -> None:
        if not self.log:
            self._write(Transition(Status.ASSIGNED, Cause.ASSIGNED, START_MS), None)

    @property
    def match(self) -> OpenMatch:
        return OpenMatch(
            delivery_id="D-1",
            assignment=1,
            assigned_at_ms=START_MS,
            version=self.match_version,
            origin=ORIGIN,
            destination=DESTINATION,
        )

    def declare(self, status: Status, second: int) -> bool:
        """As the back office does it: only what is legal after the log's last event."""
        now = self.log[-1].status
        is_legal = now not in CLOSED
        if status is Status.IN_TRANSIT:
            is_legal = is_legal and now is not Status.ARRIVED
        if is_legal:
            when = START_MS + second * 1_000
            if status is Status.IN_TRANSIT:  # as the back office does with a pickup reported late
                when = max(when, self.declarations()[-1].effective_at_ms)
            self._write(Transition(status, Cause.DECLARED, when), None)
            self.match_version = self.log[-1].version
        return is_legal

    def take(self, records: list[Record], *, at: int = LAST, keep_state: bool = True) -> int:
        """One batch, whose last record is number `at`; returns how many events it appended."""
        first_ordinal = 0
        if self.state is None:
            self.lives += 1
            first_ordinal = ORDINALS_EACH * self.lives
        last_ordinal = first_ordinal if self.state is None else self.state.last_ordinal
        last_known = self._last_known() if self.state is None else []
        fresh = [
            [one for one in record if not self._is_copy(one, last_ordinal)] for record in records
        ]
        if not any(fresh) and not last_known:
            return 0
        matches = [self.match] if self.log[-1].status not in CLOSED else []
        update = fold_truck(
            "T-1",
            self.state,
            fresh,
            matches,
            self._plans(matches),
            self.rules,
            last_known=last_known,
            first_ordinal=first_ordinal,
        )
        self._index((one.fix for one in update.positions), update.state.knowledge)
        self._index((one.fix for one in update.late), 1)
        return self._append(update, at, keep_state=keep_state)

    def settle(self, *, at: int = LAST, page: int = 7, keep_state: bool = True) -> int:
        """Settles what is unsettled; returns how many events it appended."""
        state = self.state
        if state is None or not (state.unsettled or state.has_moved_times):
            return 0
        before, trigger, changed = state.deliveries, state.window[-1], list[Fix]()
        while state.unsettled:
            refold, some = self._refolded(state, page)
            settled = refold.close(state)
            state, trigger = settled.state, refold.trigger or trigger
            changed += [*some, *settled.changed]
        state = state.after_settling()
        self._index(changed, state.knowledge)
        state, deliveries = reconcile_deliveries(
            before, state, self.rules.status, trigger=trigger, may_move_times=True
        )
        update = TruckUpdate(
            state=state, positions=(), latest=None, deliveries=deliveries, newest_new_fix=trigger
        )
        self.settlings.append(self._append(update, at, keep_state=keep_state))
        return self.settlings[-1]

    def _last_known(self) -> list[Fix]:
        fixes = (fix for fix, _ in self.history.values())
        return sorted(fixes, key=lambda fix: fix.order)[-WINDOW_FIXES:]

    def _plans(self, matches: list[OpenMatch]) -> dict[str, DeliveryPlan]:
        return {
            match.delivery_id: DeliveryPlan(match=match, log=fold_log(self.log))
            for match in matches
            if not is_remembered(self.state, match)
        }

    def _is_copy(self, point: Point, last_ordinal: int) -> bool:
        fix = fix_of(point)
        is_late = self.state is not None and self.state.is_late(fix.order)
        if fix.point_id not in self.history or not (is_late or self.state is None):
            return False
        return self.history[fix.point_id][0].n <= last_ordinal

    def _index(self, fixes: Iterable[Fix], version: int) -> None:
        for fix in fixes:
            if version >= self.history.get(fix.point_id, (fix, 0))[1]:
                self.history[fix.point_id] = (fix, version)

    def _refolded(self, state: TruckState, page: int) -> tuple[Refold, list[Fix]]:
        """Reads as little as necessary before the interval, then continues in pages."""
        interval = state.unsettled[0]
        fixes = [
            StoredFix(fix, is_settled=1 < version <= state.knowledge)
            for fix, version in sorted(self.history.values(), key=lambda one: one[0].order)
            if fix.n <= state.last_ordinal and fix.order < state.window[0].order
        ]
        begin = sum(one.fix.event_at_ms < interval.from_ms for one in fixes)
        for earlier in range(begin, -1, -1):
            try:
                refold = Refold(
                    state, interval, fixes[earlier:begin], self.rules, is_from_start=earlier == 0
                )
            except EarlierFixesNeededError:
                continue
            break
        changed = refold.begin()
        for start in range(begin, len(fixes), page):
            if not refold.is_done:
                changed += refold.fold(fixes[start : start + page])
        return refold, changed

    def _append(self, update: TruckUpdate, at: int, *, keep_state: bool) -> int:
        here = ShardPosition("shard", str(at), 0)
        state, appended = update.state, 0
        for delivery in update.deliveries:
            log = fold_log(self.log)
            if self.log[-1].status in CLOSED or log.anchor != delivery.before.anchor:
                # Declared since then: the next batch reads the match, and the log, again.
                state = msgspec.structs.replace(state, deliveries=())
                continue
            settlement = reconcile_with_log(
                delivery,
                log,
                self.rules.status,
                trigger=update.newest_new_fix,
                is_behind=log.includes_later_than(here) or bool(state.unsettled),
                may_move_times=update.may_move_times,
            )
            for transition in settlement.append:
                self._write(transition, transition.point_id, here)
            appended += len(settlement.append)
            state = msgspec.structs.replace(
                state,
                deliveries=(settlement.delivery_state,),
                has_moved_times=settlement.has_moved_times,
            )
        if keep_state:
            self.state = state
        return appended

    def _write(
        self, transition: Transition, point_id: str | None, through: ShardPosition | None = None
    ) -> None:
        self.log.append(
            DeliveryEvent(
                delivery_id="D-1",
                version=len(self.log) + 1,
                status=transition.status,
                cause=transition.cause,
                effective_at_ms=transition.effective_at_ms,
                recorded_at_ms=START_MS,
                assignment=1,
                truck_id="T-1",
                point_id=point_id,
                through=through,
                evidence=transition.evidence,
            )
        )

    def events(self) -> tuple[Transition, ...]:
        """The log's fold, from its last declaration on."""
        folded = fold_log(self.log)
        anchor = self.log[folded.anchor.version - 1]
        declared = Transition(anchor.status, anchor.cause, anchor.effective_at_ms)
        return (declared, *folded.transitions)

    def declarations(self) -> list[Transition]:
        return [
            Transition(event.status, event.cause, event.effective_at_ms)
            for event in self.log
            if is_declared(event)
        ]


def expected(points: list[Point], world: World) -> tuple[Transition, ...]:
    return timeline_of(tuple(points), tuple(world.declarations()))


@functools.cache
def timeline_of(
    points: tuple[Point, ...], declarations: tuple[Transition, ...]
) -> tuple[Transition, ...]:
    events = timeline(
        PlannedRoute(origin=ORIGIN, destination=DESTINATION),
        [fix_of(point) for point in points],
        declarations,
        status_rules=RULES.status,
        enrichment_rules=RULES.enrichment,
    )
    return since_last_declaration(events)


def is_reported(world: World, points: list[Point]) -> bool:
    """Whether the log folds to the timeline; a time may differ by less than the dwell."""
    reported, required = world.events(), expected(points, world)
    return [one.status for one in reported] == [one.status for one in required] and all(
        abs(one.effective_at_ms - other.effective_at_ms) < RULES.status.dwell_ms
        for one, other in zip(reported, required, strict=True)
    )


def cut(points: list[Point], rng: random.Random) -> list[list[Record]]:
    """Into batches of records of points."""
    batches: list[list[Record]] = []
    rest = list(points)
    while rest:
        batch = []
        for _ in range(rng.randint(1, 3)):
            size = rng.randint(1, 4)
            batch.append(rest[:size])
            rest = rest[size:]
            if not rest:
                break
        batches.append(batch)
    return batches


def disturbed(rng: random.Random, *, disorder: int) -> list[Point]:
    """The drive, with each point up to `disorder` places from where it belongs, some twice."""
    points = [*DRIVE, *rng.sample(DRIVE, 8)]
    keyed = [(n % len(DRIVE) + rng.uniform(0, disorder), n, p) for n, p in enumerate(points)]
    return [point for _, _, point in sorted(keyed, key=lambda entry: entry[:2])]


def test_a_smooth_drive_goes_through_all_statuses() -> None:
    world = World()

    for point in DRIVE:
        world.take([[point]])

    assert [event.status for event in world.log] == [
        Status.ASSIGNED,
        Status.EN_ROUTE_TO_PICKUP,
        Status.AT_PICKUP,
        Status.IN_TRANSIT,
        Status.NEARBY,
        Status.ARRIVED,
    ]
    assert [event.version for event in world.log] == [1, 2, 3, 4, 5, 6]


@given(seed=st.integers(0, 2**32), disorder=st.sampled_from([0, 3, 10, 100]))
def test_any_order_batching_and_repetition_gives_the_timeline(seed: int, disorder: int) -> None:
    rng = random.Random(seed)
    points = disturbed(rng, disorder=disorder)
    world = World()

    for batch in cut(points, rng):
        world.take(batch)
        if rng.random() < 0.3:
            world.settle(page=rng.randint(1, 20))
    world.settle()

    assert is_reported(world, DRIVE)
    assert [event.version for event in world.log] == [*range(1, len(world.log) + 1)]


@given(seed=st.integers(0, 2**32), disorder=st.sampled_from([0, 3, 100]))
def test_a_settling_appends_at_most_six_events_more_than_there_are_statuses(
    seed: int, disorder: int
) -> None:
    rng = random.Random(seed)
    world = World()

    for batch in cut(disturbed(rng, disorder=disorder), rng):
        world.take(batch)
        world.settle()

    assert max(world.settlings, default=0) <= len(Status) + 6


@given(seed=st.integers(0, 2**32), disorder=st.sampled_from([0, 3, 10, 100]))
def test_the_history_is_derived_as_if_all_points_had_arrived_in_order(
    seed: int, disorder: int
) -> None:
    rng = random.Random(seed)
    world = World()

    for batch in cut(disturbed(rng, disorder=disorder), rng):
        world.take(batch)
        if rng.random() < 0.3:
            world.settle(page=rng.randint(1, 20))
    world.settle()

    expected = enrich([fix_of(point) for point in DRIVE], RULES.enrichment)
    found = [
        msgspec.structs.replace(fix, n=0)
        for fix, _ in sorted(world.history.values(), key=lambda one: one[0].order)
    ]
    assert found == expected


@given(seed=st.integers(0, 2**32), disorder=st.sampled_from([0, 3, 100]))
def test_the_log_folds_to_the_timeline_with_declarations_between_any_batches(
    seed: int, disorder: int
) -> None:
    rng = random.Random(seed)
    points = disturbed(rng, disorder=disorder)
    world = World()

    for batch in cut(points, rng):
        if rng.random() < 0.3:
            status = rng.choice([Status.IN_TRANSIT, Status.IN_TRANSIT, Status.DELIVERED])
            world.declare(status, rng.randint(0, 300))
        world.take(batch)
        if rng.random() < 0.3:
            world.settle(page=rng.randint(1, 20))

    # The last event may be a declaration: the next point then brings the log up to date.
    world.take([[at(400, 4_010.0)]])
    world.settle()
    assert is_reported(world, [*DRIVE, at(400, 4_010.0)])


@given(seed=st.integers(0, 2**32), disorder=st.sampled_from([0, 3, 100]))
def test_crashes_before_the_state_is_stored_append_nothing_twice(seed: int, disorder: int) -> None:
    rng = random.Random(seed)
    batches = cut(disturbed(rng, disorder=disorder), rng)
    world = World()

    done = 0
    for batch in batches:
        done += len(batch)
        # The batch is folded, perhaps settled, and the worker crashes before it stores the state;
        # then the records arrive again in other batches.
        world.take(batch, at=done, keep_state=False)
        if rng.random() < 0.3:
            world.settle(at=done, keep_state=False)
        for n, record in enumerate(batch):
            world.take([record], at=done - len(batch) + n + 1)
            if rng.random() < 0.2:
                world.settle(at=done - len(batch) + n + 1)
    world.settle(at=done)

    assert is_reported(world, DRIVE)


@given(seed=st.integers(0, 2**32), disorder=st.sampled_from([0, 3, 100]))
def test_a_crash_after_a_settling_loses_nothing(seed: int, disorder: int) -> None:
    rng = random.Random(seed)
    records = [record for batch in cut(disturbed(rng, disorder=disorder), rng) for record in batch]
    world, stored, done = World(), None, 0

    # Any worker may begin again from any state that was stored, however far the log is ahead.
    while done < len(records):
        state_at = done
        for record in records[done : done + rng.randint(1, 6)]:
            done += 1
            world.take([record], at=done)
            if rng.random() < 0.5:
                world.settle(at=done)
        if rng.random() < 0.5:
            world.state, done = stored, state_at
        else:
            stored = world.state
    world.settle(at=done)

    assert is_reported(world, DRIVE)


@given(seed=st.integers(0, 2**32), disorder=st.sampled_from([0, 3, 100]))
def test_repeated_records_append_nothing_when_the_state_is_lost(seed: int, disorder: int) -> None:
    rng = random.Random(seed)
    records = [record for batch in cut(disturbed(rng, disorder=disorder), rng) for record in batch]
    world = World()
    for at_record, record in enumerate(records, 1):
        world.take([record], at=at_record)
        world.settle(at=at_record)
    world.state = None

    appended = []
    for at_record, record in enumerate(records, 1):
        appended.append(world.take([record], at=at_record))
        appended.append(world.settle(at=at_record))

    assert sum(appended) == 0


@given(seed=st.integers(0, 2**32), disorder=st.sampled_from([0, 10, 100]))
def test_a_lost_state_is_rebuilt_from_the_history(seed: int, disorder: int) -> None:
    rng = random.Random(seed)
    world = World()
    for number, batch in enumerate(cut(disturbed(rng, disorder=disorder), rng), 1):
        world.take(batch, at=number)
        if rng.random() < 0.3:
            world.settle(at=number)
        if rng.random() < 0.2:
            world.state = None

    world.take([[at(400, 4_010.0)]])
    world.settle()

    assert is_reported(world, [*DRIVE, at(400, 4_010.0)])


@given(seed=st.integers(0, 2**32))
def test_where_batches_end_does_not_change_the_state(seed: int) -> None:
    rng = random.Random(seed)
    points = list(dict.fromkeys(disturbed(rng, disorder=10)))
    records = [record for batch in cut(points, rng) for record in batch]
    by_one, at_once = World(), World()

    for record in records:
        by_one.take([record])
    at_once.take(records)

    assert at_once.state is not None
    assert by_one.state is not None
    assert at_once.state.window == by_one.state.window
    assert at_once.state.unsettled == by_one.state.unsettled
    assert [one.tip for one in at_once.state.deliveries] == [
        one.tip for one in by_one.state.deliveries
    ]
