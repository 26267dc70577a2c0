from __future__ import annotations

import msgspec
import pytest
from botocore.exceptions import NoCredentialsError

import consumer.pipeline as pipeline_module
from consumer.arrivals import StreamRecord
from consumer.errors import LeaseLost, RetriesExhausted
from consumer.settling import PAUSE_S
from rtdts.delivery_store.errors import StoreBusy
from rtdts.position_store.errors import StoreUnavailable
from rtdts.push_queue.nudges import PositionNudge, TransitionNudge
from rtdts.telemetry_stream.shard_range import ShardRange, hash_key
from rtdts.tracking.deliveries import CLOSED, Cause, DeliveryEvent, Status
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.truck_fold import WINDOW_FIXES
from tests.fakes.scripted_client import client_error
from tests.support.consumer_world import (
    KILLS,
    START_MS,
    STATUSES,
    STEPS,
    Killed,
    World,
    derived,
    drive,
    point,
    shifted,
    shown,
    standing_of,
)

UNAVAILABLE = StoreUnavailable("bulk", 503, "unavailable")


RESTART_S = 3.0


@pytest.fixture
def world() -> World:
    return World()


def test_a_drive_is_indexed_and_its_transitions_are_logged(world: World) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()

    for one in drive():
        pipeline.process(world.shard.records([one]))

    assert len(world.positions.history) == len(drive())
    assert world.statuses("D-1") == list(STATUSES)
    latest = world.positions.latest(["T-1"])["T-1"]
    assert latest.newest.event_at_ms == drive()[-1].event_at_ms
    assert latest.deliveries[0].distance_remaining_m == 10.0  # not 10.0000003


def test_the_order_is_history_transitions_latest_state(world: World) -> None:
    world.assign("D-1")
    order: list[str] = world.positions.steps
    append = world.deliveries.append
    send_many = world.nudges.send_many

    def appending(*args: object, **more: object) -> None:
        append(*args, **more)  # type: ignore[arg-type]
        order.append("append")

    def sending(nudges: object) -> None:
        send_many(nudges)  # type: ignore[arg-type]
        order.append("nudge")

    world.deliveries.append = appending  # type: ignore[method-assign, assignment]
    world.nudges.send_many = sending  # type: ignore[method-assign]

    world.pipeline().process(world.shard.records(drive()[:1]))

    assert order == ["write_history", "append", "write_latest", "nudge", "save"]


def test_a_redelivered_batch_appends_no_event_and_no_document(world: World) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    records = world.shard.records(*[[one] for one in drive()])
    pipeline.process(records)
    events = world.deliveries.events("D-1")
    writes = dict(world.positions.writes)

    report = pipeline.process(records)
    report_of_next = world.pipeline().process(records)

    assert report.skipped == report_of_next.skipped == len(records)
    assert world.deliveries.events("D-1") == events
    assert world.positions.writes == writes


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", KILLS)
@pytest.mark.parametrize("before", [0, 8])
def test_a_worker_killed_at_any_step_and_the_same_batch_again_gives_the_same(
    world: World, step: str, when: str, before: int
) -> None:
    whole = World()
    for each in (whole, world):
        each.assign("D-1")
    records = world.shard.records(*[[one] for one in drive()])
    whole.pipeline().process(records)
    killed = world.pipeline()
    killed.process(records[:before])
    world.kill_at(step, when)

    with pytest.raises(Killed):
        killed.process(records[before:])
    world.clock.advance(RESTART_S)
    pipeline = world.pipeline()
    pipeline.process(records)
    world.settle(pipeline, after_s=PAUSE_S)

    assert derived(world) == derived(whole)
    assert shown(world) == shown(whole)
    assert world.statuses("D-1") == whole.statuses("D-1")
    last = TransitionNudge(delivery_id="D-1", version=len(STATUSES))
    assert last.deduplication_id in {one.deduplication_id for one in world.nudges.sent}
    if before:  # the truck has a state: each transition is nudged
        assert {one.deduplication_id for one in world.nudges.sent} >= {
            one.deduplication_id for one in whole.nudges.sent if isinstance(one, TransitionNudge)
        }


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", KILLS)
def test_a_worker_killed_at_any_step_and_the_batch_cut_otherwise_gives_the_same(
    world: World, step: str, when: str
) -> None:
    whole = World()
    for each in (whole, world):
        each.assign("D-1")
    points = drive()
    # A batch with late points appends nothing: their settling does.
    mixed = points if step == "append" else [*points[:18], *points[26:], *points[18:26]]
    records = world.shard.records(*[[one] for one in mixed])
    one_by_one = whole.pipeline()
    for record in records:
        one_by_one.process([record])
    whole.settle(one_by_one, after_s=PAUSE_S)
    killed = world.pipeline()
    killed.process(records[:3])
    world.kill_at(step, when)

    with pytest.raises(Killed):
        killed.process(records[3:24])
    world.clock.advance(RESTART_S)
    pipeline = world.pipeline()
    for start in range(1, len(records), 4):
        pipeline.process(records[start : start + 4])
    world.settle(pipeline, after_s=PAUSE_S)

    assert derived(world) == derived(whole)
    assert shown(world) == shown(whole)
    assert standing_of(world) == standing_of(whole)


@pytest.mark.parametrize("size", [1, 4])
def test_a_replay_that_is_behind_the_log_appends_nothing(world: World, size: int) -> None:
    world.assign("D-1")
    killed = world.pipeline()
    records = world.shard.records(*[[one] for one in drive()])
    killed.process(records[:4])
    world.kill_at("write_latest", "before")
    with pytest.raises(Killed):
        killed.process(records[4:])
    events = world.deliveries.events("D-1")
    assert events[-1].status is Status.ARRIVED

    pipeline = world.pipeline()
    for start in range(0, len(records), size):
        pipeline.process(records[start : start + size])
        world.settle(pipeline, after_s=PAUSE_S)

    assert world.deliveries.events("D-1") == events


def test_a_batch_that_comes_again_with_more_nudges_what_a_crash_left_unsent(
    world: World,
) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    first = world.shard.records([drive()[0]])
    pipeline.process(first)
    records = world.shard.records(*[[one] for one in drive()[1:]])
    arriving = next(
        n
        for n in range(len(records), 0, -1)
        if _statuses_of([*first, *records[:n]]) == STATUSES[:-1]
    )
    world.positions.troubles["write_latest"] = [RuntimeError("killed")]
    reported = len(world.nudges.sent)
    with pytest.raises(RuntimeError):
        pipeline.process(records[:arriving])
    assert len(world.nudges.sent) == reported

    report = world.pipeline().process(records[: arriving + 1])

    assert report.transitions == 1
    assert [one.version for one in world.nudges.sent if isinstance(one, TransitionNudge)] == [
        *range(2, len(STATUSES) + 1)
    ]


def test_an_older_point_never_overwrites_the_latest(world: World) -> None:
    pipeline = world.pipeline()

    pipeline.process(world.shard.records([point(100, 500.0)]))
    pipeline.process(world.shard.records([point(50, 250.0)]))

    latest = world.positions.latest(["T-1"])["T-1"]
    assert latest.newest.event_at_ms == START_MS + 100_000
    assert latest.newest.distance_m == pytest.approx(250.0, abs=0.1)
    assert latest.revision == 1


def test_a_copy_over_another_way_counts_once(world: World) -> None:
    pipeline = world.pipeline()

    report = pipeline.process(world.shard.records([point(0, 0.0)], [point(0, 0.0)]))
    again = pipeline.process(world.shard.records([point(0, 0.0)]))

    assert (report.points, report.duplicates) == (1, 1)
    assert (again.points, again.duplicates) == (0, 1)
    assert sum(world.positions.writes.values()) == 1


def test_the_first_stamp_of_a_shifted_point_in_the_stream_wins(world: World) -> None:
    pipeline = world.pipeline()
    first = [shifted(point(n, n * 10.0), -3_600_000) for n in range(WINDOW_FIXES + 5)]
    copies = [shifted(point(n, n * 10.0), -3_599_000) for n in range(5)]

    pipeline.process(world.shard.records(first))
    report = pipeline.process(world.shard.records(copies))

    assert report.duplicates == 5
    assert [one.fix.clock_offset_ms for one in world.positions.history.values()] == [
        -3_600_000
    ] * len(first)


@pytest.mark.parametrize("is_state_lost", [False, True])
def test_the_first_stamp_wins_when_the_retry_is_no_longer_shifted(
    world: World, is_state_lost: bool
) -> None:
    """A clock 31 s ahead is shifted; the same request 2 s later is only 29 s ahead."""
    sent = [point(n, n * 5.0) for n in range(100)]
    newest_ms = sent[-1].recorded_at_ms
    first = [shifted(one, -31_000) for one in sent]
    retry = [msgspec.structs.replace(one, received_at_ms=newest_ms - 29_000) for one in sent]
    world.pipeline().process(world.shard.records(first))
    if is_state_lost:
        world.positions.drop_states()

    report = world.pipeline().process(world.shard.records(retry))

    assert (report.points, report.duplicates) == (0, 100)
    assert {one.fix.clock_offset_ms for one in world.positions.history.values()} == {-31_000}


def test_a_fast_clock_is_looked_up_after_it_left_the_window(
    world: World,
) -> None:
    pipeline = world.pipeline()
    odd = point(100, 0.0)
    pipeline.process(world.shard.records([shifted(odd, -31_000)]))
    pipeline.process(world.shard.records([point(80 + n, 0.0) for n in range(WINDOW_FIXES + 1)]))

    retry = msgspec.structs.replace(odd, received_at_ms=odd.recorded_at_ms - 29_000)
    report = pipeline.process(world.shard.records([retry]))

    assert (report.points, report.duplicates) == (0, 1)


def test_the_points_of_a_right_clock_are_not_looked_for_in_the_history(world: World) -> None:
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(drive()[:1]))
    world.positions.troubles["stored"] = [AssertionError("requested")]

    pipeline.process(world.shard.records(*[[one] for one in drive()[1:]]))

    assert len(world.positions.history) == len(drive())


def test_a_shifted_point_that_a_crash_left_in_the_history_is_not_its_own_copy(
    world: World,
) -> None:
    records = world.shard.records([shifted(point(0, 0.0), -3_600_000)])
    world.positions.troubles["write_latest"] = [RuntimeError("killed")]
    with pytest.raises(RuntimeError):
        world.pipeline().process(records)

    pipeline = world.pipeline()
    pipeline.process(records)
    pipeline.process(world.shard.records([point(10, 0.0)]))

    assert len(world.positions.history) == 2
    assert "T-1" in world.positions.latest(["T-1"])


def test_a_record_that_is_no_point_of_its_truck_is_parked_and_the_others_go_on(
    world: World,
) -> None:
    good = world.shard.records([point(0, 0.0)])
    stolen = world.shard.records([point(1, 0.0, truck_id="T-2")])[0]
    foreign = world.shard.raw(stolen.data, partition_key="T-1")
    future = world.shard.records([point(9_000, 0.0)])[0]
    too_early = world.shard.raw(future.data)
    garbage = world.shard.raw(b"\xff{")

    report = world.pipeline().process([garbage, *good, foreign, too_early])

    assert report.parked == 3
    assert sorted(reason for _, reason in world.parking.parked.values()) == [
        "not_a_point",
        "partition_key_is_not_the_truck",
        "received_at_out_of_range",
    ]
    assert len(world.positions.history) == 1


def test_a_record_of_another_shards_truck_is_parked_and_no_state_is_touched(world: World) -> None:
    ours, strangers = "T-1", "T-2"
    here = ShardRange(first=hash_key(ours), last=hash_key(ours))
    records = world.shard.records(
        [point(0, 0.0, truck_id=ours)], [point(n, 0.0, truck_id=strangers) for n in range(2)]
    )

    report = world.pipeline(shard_range=here).process(records)

    assert (report.points, report.parked) == (1, 2)
    assert {reason for _, reason in world.parking.parked.values()} == {"key_of_another_shard"}
    assert set(world.positions.load([ours, strangers])) == {ours}


def test_a_point_that_the_history_rejects_is_parked_with_the_reason(world: World) -> None:
    world.positions.rejects = lambda fix: "400 mapper" if fix.seq == 1 else ""

    report = world.pipeline().process(world.shard.records([point(n, 0.0) for n in range(3)]))

    assert report.parked == 1
    ((body, reason),) = world.parking.parked.values()
    assert reason == "not_indexable"
    assert b'"seq":1' in body
    assert len(world.positions.history) == 2


def test_one_item_that_fails_for_now_is_written_again_alone(world: World) -> None:
    points = [point(n, n * 10.0) for n in range(3)]
    world.positions.passing[point_id(points[1])] = 2

    world.pipeline().process(world.shard.records(points))

    assert world.positions.writes == {point_id(one): 1 for one in points}
    assert len(world.clock.slept_s) == 2


def test_a_store_that_comes_back_loses_nothing(world: World) -> None:
    world.positions.troubles = {
        name: [UNAVAILABLE] * 3 for name in ("load", "write_history", "write_latest", "save")
    }

    world.pipeline().process(world.shard.records(drive()))

    assert len(world.positions.history) == len(drive())
    assert "T-1" in world.positions.latest(["T-1"])
    assert len(world.clock.slept_s) == 12


def test_a_store_that_stays_unavailable_is_given_up_within_the_budget(world: World) -> None:
    world.positions.troubles["write_history"] = [UNAVAILABLE] * 1_000

    with pytest.raises(RetriesExhausted):
        world.pipeline().process(world.shard.records(drive()))

    assert sum(world.clock.slept_s) == pytest.approx(60.0, abs=1.0)
    assert not world.positions.latest(["T-1"])


def test_nudges_that_cannot_be_sent_do_not_stop_the_positions(world: World) -> None:
    world.assign("D-1")
    world.nudges.trouble = StoreBusy("SendMessageBatch", ("throttled",))

    world.pipeline().process(world.shard.records(drive()))

    assert world.reported("nudges_not_sent")
    assert world.positions.load(["T-1"])


@pytest.mark.parametrize(
    "trouble",
    [
        client_error("AWS.SimpleQueueService.NonExistentQueue"),
        client_error("KMS.AccessDeniedException"),
        client_error("InvalidClientTokenId", 403),
        NoCredentialsError(),
    ],
    ids=str,
)
def test_positions_are_written_whatever_error_the_queues_client_raises(
    world: World, trouble: Exception
) -> None:
    world.assign("D-1")
    world.nudges.trouble = trouble

    world.pipeline().process(world.shard.records(drive()))

    assert world.reported("nudges_not_sent")[0]["level"] == "error"
    assert world.positions.load(["T-1"])


def test_a_queue_that_is_unavailable_costs_one_batch_some_seconds_and_not_each(
    world: World,
) -> None:
    world.assign("D-1")
    world.nudges.trouble = StoreBusy("SendMessageBatch", ("throttled",))
    pipeline = world.pipeline()
    records = [world.shard.records([one]) for one in drive()]
    pipeline.process(records[0])
    waited_s = sum(world.clock.slept_s)
    for batch in records[1:18]:
        pipeline.process(batch)

    assert 0 < sum(world.clock.slept_s) == waited_s
    assert len(world.reported("nudges_not_sent")) == 1

    world.nudges.trouble = None
    world.clock.advance(30.0)
    for batch in records[18:]:
        pipeline.process(batch)

    assert TransitionNudge(delivery_id="D-1", version=5) in world.nudges.sent


def test_near_the_destination_each_batch_nudges(world: World) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    for one in drive():
        pipeline.process(world.shard.records([one]))

    close = [nudge for nudge in world.nudges.sent if isinstance(nudge, PositionNudge)]
    changes = [nudge.version for nudge in world.nudges.sent if isinstance(nudge, TransitionNudge)]

    assert changes == [2, 3, 4, 5, 6]
    assert {nudge.event_at_ms for nudge in close} == {one.event_at_ms for one in drive()[19:]}


def test_a_zombie_notices_that_another_owns_the_shard_and_writes_nothing_more(
    world: World,
) -> None:
    zombie, owner = world.pipeline(writer_id="zombie"), world.pipeline(writer_id="owner")
    zombie.process(world.shard.records([point(0, 0.0)]))
    records = world.shard.records([point(10, 100.0)])
    owner.process(records)
    kept = world.positions.load(["T-1"])

    with pytest.raises(LeaseLost) as caught:
        zombie.process(records)

    assert caught.value.writer_id == "owner"
    assert world.positions.load(["T-1"]) == kept


def test_a_zombies_late_write_replaces_no_document_of_its_successor(
    world: World,
) -> None:
    first, batch, late = (
        world.shard.records([point(second, float(second))]) for second in (0, 20, 10)
    )
    zombie, owner = world.pipeline(), world.pipeline()
    zombie.process(first)
    for records in (batch, late):
        owner.process(records)
    history = dict(world.positions.history)

    with pytest.raises(LeaseLost):
        zombie.process(batch)

    assert world.positions.history == history


def test_a_lost_response_to_ones_own_write_is_a_success(world: World) -> None:
    pipeline = world.pipeline()
    pipeline.process(world.shard.records([point(0, 0.0)]))
    world.positions.troubles_after["save"] = [UNAVAILABLE]

    pipeline.process(world.shard.records([point(10, 100.0)]))
    pipeline.process(world.shard.records([point(20, 200.0)]))

    stored = world.positions.load(["T-1"])["T-1"].state
    assert stored is not None
    assert [fix.seq for fix in stored.window] == [0, 10, 20]


def test_a_declaration_between_reading_and_writing_is_respected(world: World) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(drive()[:1]))

    world.deliveries.before_append.append(lambda: _declare(world, Status.CANCELLED))
    pipeline.process(world.shard.records(*[[one] for one in drive()[1:]]))

    assert world.statuses("D-1") == [
        Status.ASSIGNED,
        Status.EN_ROUTE_TO_PICKUP,
        Status.CANCELLED,
    ]


def test_a_declared_pickup_is_noticed_within_seconds_and_the_rules_go_on_from_it(
    world: World,
) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in drive()[:3]]))
    _declare(world, Status.IN_TRANSIT, second=25)
    world.clock.advance(6)

    pipeline.process(world.shard.records(*[[one] for one in drive()[3:]]))

    assert world.statuses("D-1") == [
        Status.ASSIGNED,
        Status.EN_ROUTE_TO_PICKUP,
        Status.IN_TRANSIT,
        Status.NEARBY,
        Status.ARRIVED,
    ]


def test_a_delivery_first_seen_late_gets_the_windows_points_since_its_assignment(
    world: World,
) -> None:
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in drive()[:12]]))
    world.assign("D-1", second=20)
    world.clock.advance(6)

    pipeline.process(world.shard.records([drive()[12]]))
    world.settle(pipeline)  # what has left the window since is read from the history

    events = world.deliveries.events("D-1")
    assert [event.status for event in events] == list(STATUSES[:3])
    assert events[1].effective_at_ms == START_MS + 20_000


def test_a_truck_with_two_deliveries_has_two_machines(world: World) -> None:
    world.assign("D-1")
    world.assign("D-2", second=200)

    world.pipeline().process(world.shard.records(*[[one] for one in drive()]))

    assert world.statuses("D-1") == list(STATUSES)
    # The second one's truck had left the origin before: its pickup is implied by the arrival.
    assert world.statuses("D-2") == [
        *(Status.ASSIGNED, Status.EN_ROUTE_TO_PICKUP),
        *(Status.IN_TRANSIT, Status.NEARBY, Status.ARRIVED),
    ]


def test_a_delivery_that_cannot_be_processed_stops_no_other(world: World) -> None:
    world.assign("D-1")
    world.assign("D-2")
    events = world.deliveries.events

    def broken(delivery_id: str, after_version: int = 0) -> object:
        if delivery_id == "D-1":
            raise ValueError("not a log")
        return events(delivery_id, after_version)

    world.deliveries.events = broken  # type: ignore[method-assign, assignment]

    world.pipeline().process(world.shard.records(*[[one] for one in drive()]))

    world.deliveries.events = events  # type: ignore[method-assign]
    assert world.statuses("D-2") == list(STATUSES)
    assert world.reported("delivery_unprocessable")


def test_points_that_cause_an_error_are_parked_and_other_trucks_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = pipeline_module.fold_truck  # type: ignore[attr-defined]

    def broken(truck_id: str, *args: object, **more: object) -> object:
        if truck_id == "T-1":
            raise ZeroDivisionError
        return real(truck_id, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline_module, "fold_truck", broken)

    report = world.pipeline().process(
        world.shard.records([point(0, 0.0)], [point(0, 0.0, truck_id="T-2")])
    )

    assert report.parked == 1
    assert list(world.positions.latest(["T-1", "T-2"])) == ["T-2"]


def test_a_point_earlier_than_the_window_moves_no_status_before_it_is_settled(
    world: World,
) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    missing = drive()[5:11]
    others = [one for one in drive() if one not in missing]
    pipeline.process(world.shard.records(*[[one] for one in others]))
    before = world.statuses("D-1")

    report = pipeline.process(world.shard.records(*[[one] for one in missing]))

    assert report.late == len(missing)
    assert len(world.positions.history) == len(drive())
    assert world.statuses("D-1") == before

    world.settle(pipeline, after_s=PAUSE_S)

    assert [one.status for one in standing_of(world)] == list(STATUSES[1:])


def test_while_late_points_are_unsettled_nothing_is_logged(world: World) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    late = drive()[2]
    first = [one for one in drive()[:18] if one != late]
    pipeline.process(world.shard.records(*[[one] for one in first]))
    before = world.deliveries.events("D-1")

    pipeline.process(world.shard.records([late]))
    for one in drive()[18:]:
        pipeline.process(world.shard.records([one]))

    assert world.deliveries.events("D-1") == before
    assert shown(world).newest.seq == drive()[-1].seq

    world.settle(pipeline)

    assert world.statuses("D-1") == list(STATUSES)


def _statuses_of(records: list[StreamRecord]) -> tuple[Status, ...]:
    """What a delivery goes through with these records."""
    world = World()
    world.assign("D-1")
    world.pipeline().process(records)
    return tuple(world.statuses("D-1"))


def _declare(world: World, status: Status, second: int = 0) -> None:
    row = world.deliveries.get("D-1")
    assert row is not None
    at_ms = START_MS + second * 1_000
    after = msgspec.structs.replace(
        row,
        status=status,
        version=row.version + 1,
        closed_at_ms=at_ms if status in CLOSED else None,
    )
    event = DeliveryEvent(
        delivery_id="D-1",
        version=after.version,
        status=status,
        cause=Cause.DECLARED,
        effective_at_ms=at_ms,
        recorded_at_ms=at_ms,
        assignment=1,
        truck_id="T-1",
        actor="dispatcher:A",
    )
    world.deliveries.append(row, after, [event], matches=True)
