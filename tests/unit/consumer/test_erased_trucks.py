"""A truck is erased while a consumer holds its state: no erased point comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec
import pytest

from consumer import settling
from consumer.pipeline import BatchPipeline
from rtdts.position_store.state import StateWrite
from rtdts.tracking.deliveries import Status
from rtdts.tracking.positions import Point
from rtdts.tracking.truck_state import TruckState
from tests.fakes.fake_truck_erasure import FakeTruckErasure
from tests.support.consumer_world import START_MS, World, drive, point

ERASED_MS = START_MS + 1_000_000
"""After all of `drive`."""
NONE = {"truck-positions-*": 0, "truck-latest": 0, "truck-state": 0}


def erasing(world: World, now_ms: int = ERASED_MS) -> Iterator[tuple[str, int]]:
    """The erasure, step by step."""
    return FakeTruckErasure(world.positions).erase("T-1", now_ms=now_ms)


def erase(world: World, now_ms: int = ERASED_MS) -> None:
    list(erasing(world, now_ms))


def count(world: World) -> dict[str, int]:
    return FakeTruckErasure(world.positions).count("T-1")


def state_of(world: World) -> TruckState:
    state = world.positions.load(["T-1"])["T-1"].state
    assert state is not None
    return state


def take(world: World, pipeline: BatchPipeline, points: Sequence[Point]) -> None:
    for one in points:
        pipeline.process(world.shard.records([one]))


def later(second: int, east_m: float = 5_000.0) -> Point:
    """A point from after the erasure."""
    return point(1_000 + second, east_m)


def seconds_of(world: World) -> list[int]:
    """When the points of the history were recorded, in seconds after `ERASED_MS`."""
    return sorted((one.event_at_ms - ERASED_MS) // 1_000 for one in world.positions.fixes_of("T-1"))


def before_write(world: World, name: str, does: Callable[[], object]) -> None:
    """Calls `does` once, right before the consumer's next call of that name."""
    real = getattr(world.positions, name)

    def first(*args: object) -> object:
        setattr(world.positions, name, real)
        does()
        return real(*args)

    setattr(world.positions, name, first)


@pytest.mark.parametrize(
    "batch",
    [[later(1)], [later(3), later(1), later(2)], [later(n) for n in range(1, 16)]],
    ids=["one", "out of order", "more than a window"],
)
@pytest.mark.parametrize("is_restarted", [False, True])
def test_the_first_batch_after_an_erasure_starts_afresh_and_restores_nothing(
    world: World, batch: list[Point], is_restarted: bool
) -> None:
    pipeline = world.pipeline()
    take(world, pipeline, drive())
    erase(world)

    if is_restarted:
        pipeline = world.pipeline()
    report = pipeline.process(world.shard.records(*[[one] for one in batch]))

    assert (report.points, report.erased) == (len(batch), 0)
    assert len(world.positions.fixes_of("T-1")) == len(batch)
    assert min(seconds_of(world)) >= 1
    latest = world.positions.latest(["T-1"])["T-1"]
    assert latest.shown is not None
    assert min(latest.newest.received_at_ms, latest.shown.received_at_ms) > ERASED_MS
    state = state_of(world)
    assert all(fix.received_at_ms > ERASED_MS for fix in state.window)
    assert state.erased_before_ms == ERASED_MS
    first = next(fix for fix in world.positions.fixes_of("T-1") if fix.seq == 1_001)
    assert first.distance_m is None, "it reveals the distance to an erased point"


def test_a_consumer_unaware_of_an_erasure_keeps_its_shard_and_stores_no_old_fix(
    world: World,
) -> None:
    pipeline = world.pipeline()
    take(world, pipeline, drive())
    erase(world)

    pipeline.process(world.shard.records([later(1)]))
    pipeline.process(world.shard.records([later(2)]))

    assert [fix.seq for fix in state_of(world).window] == [1_001, 1_002]
    assert seconds_of(world) == [1, 2]


def test_late_points_received_after_the_erasure_are_accepted(world: World) -> None:
    pipeline = world.pipeline()
    take(world, pipeline, drive())
    erase(world)
    late = point(55, 3.0, received_at_ms=ERASED_MS + 50_000, seq=7)

    take(world, pipeline, [*(later(n) for n in range(1, 12)), late])
    world.settle(pipeline)

    assert seconds_of(world) == [-945, *range(1, 12)]
    assert not state_of(world).unsettled


def test_points_received_before_the_erasure_are_dropped_and_counted(world: World) -> None:
    pipeline = world.pipeline()
    take(world, pipeline, drive()[:5])
    erase(world)

    report = pipeline.process(world.shard.records([point(999, 1.0)], [later(1)], [later(2)]))
    again = pipeline.process(world.shard.records([point(998, 2.0)]))

    assert (report.erased, report.points, report.trucks) == (1, 2, 1)
    assert (again.erased, again.points, again.trucks) == (1, 0, 0)
    assert seconds_of(world) == [1, 2]


@pytest.mark.parametrize("done", [1, 2, 3])
def test_a_batch_between_the_tombstone_and_the_deletions_leaves_nothing(
    world: World, done: int
) -> None:
    """The batch was received before the erasure, and is processed after any step of it."""
    pipeline = world.pipeline()
    take(world, pipeline, drive()[:-2])
    steps = erasing(world)
    for _ in range(done):
        next(steps)

    report = pipeline.process(world.shard.records([drive()[-2]], [drive()[-1]]))
    list(steps)

    assert count(world) == NONE
    assert report.erased == 2


@pytest.mark.parametrize("step", ["write_history", "write_latest", "save"])
def test_a_batch_during_which_the_truck_is_erased_deletes_what_it_wrote(
    world: World, step: str
) -> None:
    pipeline = world.pipeline()
    take(world, pipeline, [*drive()[:18], *drive()[19:21]])
    before_write(world, step, lambda: erase(world))

    # Out of order: documents of the previous batches are written again, too.
    report = pipeline.process(world.shard.records([drive()[18]], [drive()[21]]))

    assert count(world) == NONE
    assert (report.erased, report.points) == (2, 0)
    assert state_of(world).is_tombstone


@pytest.mark.parametrize("step", ["write_history", "write_latest", "save"])
def test_a_batch_during_an_erasure_keeps_only_points_received_after_it(
    world: World, step: str
) -> None:
    pipeline = world.pipeline()
    take(world, pipeline, drive()[:-1])
    before_write(world, step, lambda: erase(world))

    bad = later(1, east_m=99_000.0)
    report = pipeline.process(world.shard.records([drive()[-1]], [bad]))

    assert (report.erased, report.points) == (1, 1)
    assert seconds_of(world) == [1]
    latest = world.positions.latest(["T-1"])["T-1"]
    assert (latest.newest.seq, latest.shown and latest.shown.seq) == (1_001, 1_001)


def test_a_new_truck_that_is_erased_within_its_first_batch_leaves_nothing(world: World) -> None:
    before_write(world, "save", lambda: erase(world))

    world.pipeline().process(world.shard.records([point(0, 0.0)]))

    assert count(world) == NONE
    assert state_of(world).erased_before_ms == ERASED_MS


@pytest.mark.parametrize("step", ["write_history", "write_latest"])
def test_a_repeated_batch_leaves_nothing_of_a_worker_killed_before_it_detects_an_erasure(
    world: World, step: str
) -> None:
    pipeline = world.pipeline()
    take(world, pipeline, drive()[:-1])
    erase(world)
    records = world.shard.records([drive()[-1]])
    world.positions.troubles_after[step] = [RuntimeError("killed")]
    with pytest.raises(RuntimeError):
        pipeline.process(records)
    assert count(world) != NONE

    world.pipeline().process(records)

    assert count(world) == NONE


@pytest.mark.parametrize("before", ["refresh", "around", "write_history", "save"])
def test_a_truck_erased_while_late_points_wait_or_are_settled_leaves_nothing(
    world: World, before: str
) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    take(world, pipeline, [*drive()[:8], *drive()[9:], drive()[8]])
    statuses = world.statuses("D-1")
    assert state_of(world).unsettled
    before_write(world, before, lambda: erase(world))

    world.settle(pipeline)
    world.settle(pipeline)

    assert count(world) == NONE
    assert world.statuses("D-1")[: len(statuses)] == statuses
    assert Status.ARRIVED is world.statuses("D-1")[-1], "the erasure led to a correction"
    assert pipeline.settle(everything=True) is None


def test_a_settling_in_slices_is_abandoned_when_its_truck_is_erased(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PAGE_FIXES", "LEAD_FIXES"):
        monkeypatch.setattr(settling, name, 8)
    world.positions.max_hits = 1
    world.positions.before_read = lambda: world.clock.advance(settling.SLICE_S)
    pipeline = world.pipeline()
    take(world, pipeline, [*drive()[:8], *drive()[9:], drive()[8]])
    assert world.settle(pipeline).waiting == 1
    erase(world)

    take(world, pipeline, [*(later(n) for n in range(2, 15)), later(1, east_m=4_990.0)])
    while state_of(world).unsettled:
        world.settle(pipeline)

    first = next(fix for fix in world.positions.fixes_of("T-1") if fix.seq == 1_001)
    assert first.distance_m is None, "it reveals the distance to an erased point"
    assert seconds_of(world) == [*range(1, 15)]


def test_an_erased_point_that_is_not_yet_deleted_is_ignored_by_a_settling(world: World) -> None:
    pipeline = world.pipeline()
    take(world, pipeline, drive())
    steps = erasing(world)
    next(steps)

    take(world, pipeline, [*(later(n) for n in range(2, 15)), later(1, east_m=4_990.0)])
    world.settle(pipeline)
    first, second = (
        next(fix for fix in world.positions.fixes_of("T-1") if fix.seq == seq)
        for seq in (1_001, 1_002)
    )
    # Only here: the truck's own next points would go with the command's deletions.
    world.positions.delete_history(
        [fix for fix in world.positions.fixes_of("T-1") if fix.received_at_ms <= ERASED_MS]
    )

    assert first.distance_m is None
    assert second.distance_m == pytest.approx(10.0, abs=0.1)
    assert seconds_of(world) == [*range(1, 15)]


def test_points_out_of_order_after_an_erasure_do_not_change_the_log(
    world: World,
) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    take(world, pipeline, drive()[:19])
    assert world.statuses("D-1")[-1] is Status.IN_TRANSIT
    statuses = world.statuses("D-1")
    erase(world)

    take(world, pipeline, [later(n * 10, 2_000.0) for n in (1, 2, 4, 3)])
    world.settle(pipeline)
    world.settle(pipeline, after_s=60.0)

    assert world.statuses("D-1") == statuses
    assert not state_of(world).is_unsettled


def test_a_truck_can_be_erased_twice(world: World) -> None:
    pipeline = world.pipeline()
    take(world, pipeline, drive())
    erase(world)
    take(world, pipeline, [later(1), later(2)])

    erase(world, ERASED_MS + 2_000)
    take(world, pipeline, [later(3)])

    assert seconds_of(world) == [3]
    assert state_of(world).erased_before_ms == ERASED_MS + 2_000


def test_another_truck_in_the_batch_of_an_erased_truck_is_processed_once(world: World) -> None:
    pipeline = world.pipeline()
    mine, other = point(0, 0.0), point(0, 0.0, truck_id="T-2")
    pipeline.process(world.shard.records([mine], [other]))
    erase(world)
    writes = dict(world.positions.writes)

    report = pipeline.process(world.shard.records([later(1)], [point(10, 9.0, truck_id="T-2")]))

    assert (report.points, report.trucks) == (2, 2)
    new = {id_: n - writes.get(id_, 0) for id_, n in world.positions.writes.items()}
    assert sum(n for id_, n in new.items() if id_.startswith("T-2")) == 1


@pytest.mark.parametrize("is_history_lost", [False, True])
def test_a_state_that_was_deleted_by_hand_is_rebuilt_and_not_written_back(
    world: World, is_history_lost: bool
) -> None:
    pipeline = world.pipeline()
    take(world, pipeline, drive())
    world.positions.drop_states()
    if is_history_lost:
        world.positions.delete_history(world.positions.fixes_of("T-1"))

    take(world, pipeline, [later(1), later(2)])

    seqs = [fix.seq for fix in state_of(world).window]
    assert seqs[-2:] == [1_001, 1_002]
    assert len(seqs) == (2 if is_history_lost else 6)
    assert len(world.positions.fixes_of("T-1")) == 2 + (0 if is_history_lost else len(drive()))


def test_a_deliverys_state_that_an_erasure_removed_is_not_written_back(world: World) -> None:
    world.assign("D-1")
    world.assign("D-2")
    pipeline = world.pipeline()
    take(world, pipeline, drive()[:10])

    def remove_deliveries() -> None:
        stored = world.positions.load(["T-1"])["T-1"]
        assert stored.state is not None
        kept = tuple(one for one in stored.state.deliveries if one.delivery_id != "D-1")
        changed = msgspec.structs.replace(stored.state, deliveries=kept)
        world.positions.save([StateWrite.of(changed, stored.version)])

    before_write(world, "save", remove_deliveries)
    report = pipeline.process(world.shard.records([drive()[10]]))

    assert [one.delivery_id for one in state_of(world).deliveries] == ["D-2"]
    assert report.points == 1
    assert len(state_of(world).window) == 6


def test_a_settling_completes_when_an_erasure_removes_a_delivery_meanwhile(
    world: World,
) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    take(world, pipeline, [*drive()[:8], *drive()[9:], drive()[8]])

    def remove_deliveries() -> None:
        stored = world.positions.load(["T-1"])["T-1"]
        assert stored.state is not None
        changed = msgspec.structs.replace(stored.state, deliveries=())
        world.positions.save([StateWrite.of(changed, stored.version)])

    before_write(world, "save", remove_deliveries)
    world.settle(pipeline)
    world.settle(pipeline)

    assert state_of(world).deliveries == ()
    assert not state_of(world).is_unsettled


def erase_delivery(world: World, delivery_id: str = "D-1") -> None:
    """As `DeliveryErasure` does it: every state without the delivery, then the documents."""
    world.deliveries.erase(delivery_id)
    for truck_id, stored in world.positions.load(["T-1"]).items():
        assert stored.state is not None
        kept = tuple(one for one in stored.state.deliveries if one.delivery_id != delivery_id)
        changed = msgspec.structs.replace(stored.state, deliveries=kept)
        assert truck_id == "T-1"
        world.positions.save([StateWrite.of(changed, stored.version)])
    world.positions.drop_delivery(delivery_id)


def named(world: World) -> set[str]:
    """The deliveries that any document of the truck names."""
    latest = world.positions.latest(["T-1"])["T-1"]
    in_latest = {*latest.deliveries, *latest.shown_deliveries}
    in_history = {one for stored in world.positions.history.values() for one in stored.deliveries}
    in_state = {one.delivery_id for one in state_of(world).deliveries}
    return {one.delivery_id for one in in_latest | in_history} | in_state


@pytest.mark.parametrize("step", ["write_history", "write_latest", "save"])
def test_a_batch_during_which_a_delivery_is_erased_removes_its_id_again(
    world: World, step: str
) -> None:
    for delivery_id in ("D-1", "D-2"):
        world.assign(delivery_id)
    pipeline = world.pipeline()
    take(world, pipeline, drive()[:20])
    assert named(world) == {"D-1", "D-2"}
    before_write(world, step, lambda: erase_delivery(world))

    take(world, pipeline, drive()[20:23])

    assert named(world) == {"D-2"}
    assert len(world.positions.fixes_of("T-1")) == 23


@pytest.mark.parametrize("step", ["write_history", "write_latest", "save"])
def test_a_delivery_erased_during_its_trucks_first_batch_with_it_leaves_nothing(
    world: World, step: str
) -> None:
    pipeline = world.pipeline()
    take(world, pipeline, drive()[:20])
    world.clock.advance(6.0)  # the matches are read again
    world.assign("D-1")
    before_write(world, step, lambda: erase_delivery(world))

    take(world, pipeline, drive()[20:23])

    assert named(world) == set()


@pytest.mark.parametrize("step", ["write_history", "save"])
def test_a_settling_during_which_a_delivery_is_erased_removes_its_id_again(
    world: World, step: str
) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    take(world, pipeline, [*drive()[:16], *drive()[17:24], drive()[16]])
    assert named(world) == {"D-1"}
    before_write(world, step, lambda: erase_delivery(world))

    world.settle(pipeline)
    world.settle(pipeline)

    assert named(world) == set()


def test_an_erased_deliverys_id_is_removed_when_a_killed_workers_batch_is_repeated(
    world: World,
) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    take(world, pipeline, drive()[:20])

    def killed() -> None:
        raise RuntimeError("killed")

    before_write(world, "write_history", lambda: erase_delivery(world))
    records = world.shard.records([drive()[20]])
    before_write(world, "write_latest", lambda: before_write(world, "load", killed))
    with pytest.raises(RuntimeError):
        pipeline.process(records)
    assert named(world) == {"D-1"}

    world.pipeline().process(records)

    assert named(world) == set()
