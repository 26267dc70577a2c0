"""Guarantee 3: however the points come, the log folds to the timeline."""

from __future__ import annotations

import dataclasses
import random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from rtdts.tracking.deliveries import (
    CLOSED,
    Cause,
    DeliveryEvent,
    OpenMatch,
    Place,
    Status,
)
from rtdts.tracking.delivery_log import is_declared, standing
from rtdts.tracking.delivery_memory import DeliveryPlan, settle
from rtdts.tracking.fixes import fix_of
from rtdts.tracking.geodesy import place_at
from rtdts.tracking.positions import Point
from rtdts.tracking.status_machine import Plan, Transition
from rtdts.tracking.timeline import since_last_declaration, timeline
from rtdts.tracking.truck_fold import TrackingRules, fold_truck, is_remembered
from rtdts.tracking.truck_state import TruckState

START_MS = 1_700_000_000_000
ORIGIN = Place(lat=48.0, lon=11.0, radius_m=100.0)
DESTINATION = Place(
    lat=place_at(48.0, 11.0, 90.0, 4_000.0)[0],
    lon=place_at(48.0, 11.0, 90.0, 4_000.0)[1],
    radius_m=100.0,
)
RULES = TrackingRules(window_points=500)

Record = list[Point]


def at(second: int, east_m: float, *, speed_mps: float = 10.0) -> Point:
    lat, lon = place_at(48.0, 11.0, 90.0, east_m)
    when = START_MS + second * 1_000
    return Point(
        truck_id="T-1",
        recorded_at_ms=when,
        lat=lat,
        lon=lon,
        event_at_ms=when,
        received_at_ms=when,
        seq=second,
        speed_mps=speed_mps,
    )


def drive() -> list[Point]:
    """To the origin, a wait, the way, a wait at the destination: a fix every 10 s."""
    metres = [-800, -600, -400, -200, -50, 0, 0, 10, 20, 30, 30, 60, 90, 180, 400, 900]
    metres += [1500, 2100, 2700, 3100, 3300, 3600, 3900, 3990, 4000, 4000, 4000, 4000, 4000, 4010]
    return [at(10 * n, float(m)) for n, m in enumerate(metres)]


@dataclasses.dataclass
class World:
    """A truck, a delivery's log, and a consumer without anything around it."""

    log: list[DeliveryEvent] = dataclasses.field(default_factory=list)
    state: TruckState | None = None
    match_version: int = 1
    rules: TrackingRules = RULES

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
        """As the back office does: only what is legal from where the log stands."""
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

    def take(self, records: list[Record], *, keep_state: bool = True) -> int:
        """One batch; returns how many events it appended."""
        is_open = self.log[-1].status not in CLOSED
        matches = [self.match] if is_open else []
        plans = {
            match.delivery_id: DeliveryPlan(match=match, standing=standing(self.log))
            for match in matches
            if not is_remembered(self.state, match)
        }
        update = fold_truck("T-1", self.state, records, matches, plans, self.rules)
        state, appended = update.state, 0
        for delivery in update.deliveries:
            settlement = settle(
                delivery,
                standing(self.log),
                state.window,
                self.rules.status,
                because=update.newest_news,
                window_from_ms=state.window_from_ms,
            )
            for transition in settlement.append:
                self._write(transition, transition.point_id)
            appended += len(settlement.append)
            state = msgspec.structs.replace(state, deliveries=(settlement.memory,))
        if keep_state:
            self.state = state
        return appended

    def _write(self, transition: Transition, point_id: str | None) -> None:
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
                evidence=transition.evidence,
            )
        )

    def story(self) -> tuple[Transition, ...]:
        """The log's fold, from its last declaration on."""
        folded = standing(self.log)
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
    story = timeline(
        Plan(origin=ORIGIN, destination=DESTINATION),
        [fix_of(point) for point in points],
        world.declarations(),
        status_rules=RULES.status,
        enrichment_rules=RULES.enrichment,
    )
    return since_last_declaration(story)


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
    points = drive()
    points += rng.sample(points, 8)
    keyed = [(n % len(drive()) + rng.uniform(0, disorder), n, p) for n, p in enumerate(points)]
    return [point for _, _, point in sorted(keyed, key=lambda entry: entry[:2])]


def within_places(rng: random.Random, disorder: int) -> list[Point]:
    """The drive, no point more than `disorder` places late; some come twice, in their place."""
    points = [*enumerate(drive()), *rng.sample([*enumerate(drive())], 8)]
    return [point for _, point in sorted(points, key=lambda one: one[0] + rng.uniform(0, disorder))]


def test_a_smooth_drive_goes_through_all_statuses() -> None:
    world = World()

    for point in drive():
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
def test_any_order_split_and_repetition_gives_the_timeline(seed: int, disorder: int) -> None:
    rng = random.Random(seed)
    points = disturbed(rng, disorder=disorder)
    world = World()

    for batch in cut(points, rng):
        world.take(batch)

    assert world.story() == expected(drive(), world)
    assert [event.version for event in world.log] == [*range(1, len(world.log) + 1)]


@given(seed=st.integers(0, 2**32), disorder=st.sampled_from([0, 3, 100]))
def test_declarations_may_come_between_any_batches(seed: int, disorder: int) -> None:
    rng = random.Random(seed)
    points = disturbed(rng, disorder=disorder)
    world = World()

    for batch in cut(points, rng):
        if rng.random() < 0.3:
            status = rng.choice([Status.IN_TRANSIT, Status.IN_TRANSIT, Status.DELIVERED])
            world.declare(status, rng.randint(0, 300))
        world.take(batch)

    # The back office may have the last word: then the next point brings the log up to it.
    world.take([[drive()[0]]])
    assert world.story() == expected(drive(), world)


@given(seed=st.integers(0, 2**32), disorder=st.sampled_from([0, 3, 100]))
def test_crashes_before_the_memory_is_kept_append_nothing_twice(seed: int, disorder: int) -> None:
    rng = random.Random(seed)
    points = disturbed(rng, disorder=disorder)
    whole = World()
    for batch in cut(points, rng):
        whole.take(batch)
    crashing = World()

    # Each batch is folded, crashes, comes again cut otherwise.
    for batch in cut(points, rng):
        crashing.take(batch, keep_state=False)
        for record in batch:
            crashing.take([record])

    assert crashing.story() == whole.story()


@given(seed=st.integers(0, 2**32), disorder=st.sampled_from([0, 3, 100]))
def test_the_same_records_again_without_any_memory_append_nothing(seed: int, disorder: int) -> None:
    rng = random.Random(seed)
    records = [record for batch in cut(disturbed(rng, disorder=disorder), rng) for record in batch]
    world = World()
    for record in records:
        world.take([record])
    world.state = None

    appended = [world.take([record]) for record in records]

    assert sum(appended) == 0


@given(
    seed=st.integers(0, 2**32),
    disorder=st.sampled_from([0, 1, 3]),
    window_points=st.sampled_from([8, 12, 20]),
)
def test_points_that_leave_the_window_leave_their_story(
    seed: int, disorder: int, window_points: int
) -> None:
    rng = random.Random(seed)
    world = World(rules=TrackingRules(window_points=window_points))

    for batch in cut(within_places(rng, disorder), rng):
        world.take(batch)

    assert world.state is not None
    assert len(world.state.window) == window_points
    assert world.story() == expected(drive(), world)


@given(seed=st.integers(0, 2**32), window_points=st.sampled_from([3, 4, 8]))
def test_beyond_the_window_too_it_does_not_matter_where_batches_end(
    seed: int, window_points: int
) -> None:
    rng = random.Random(seed)
    rules = TrackingRules(window_points=window_points)
    points = list(dict.fromkeys(disturbed(rng, disorder=10)))
    records = [record for batch in cut(points, rng) for record in batch]
    by_one, at_once = World(rules=rules), World(rules=rules)

    for record in records:
        by_one.take([record])
    at_once.take(records)

    assert at_once.story() == by_one.story()
    assert at_once.state is not None
    assert by_one.state is not None
    assert at_once.state.window == by_one.state.window
    assert [one.tip for one in at_once.state.deliveries] == [
        one.tip for one in by_one.state.deliveries
    ]
