"""Two real record processors with one shard: the former, which lost its lease, corrupts nothing.

The tests run the daemon's child processes in its place. So they control at which step of a batch
one of them is paused, and how far the other is when it resumes. Two daemons would interleave at
random.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from consumer.arrivals import StreamRecord
from rtdts.position_store.documents import StoredFix
from rtdts.runtime.wall_clock import now_ms
from rtdts.tracking.deliveries import Delivery
from rtdts.tracking.fixes import Fix
from rtdts.tracking.positions import Point
from rtdts.tracking.truck_state import DeliveryState, TruckState
from rtdts.tracking.window import Window
from sim.fault_shim.rules import CutResponse, Delay, FaultRule
from sim.fault_shim.shim import FaultShim
from sim.local_cloud.launch import LaunchedCloud
from tests.support.consumed import Consumed, Expected, agrees
from tests.support.consumer_world import START_MS, Shard, World, drive
from tests.support.deliveries import unique
from tests.support.kcl_child import Checkpoint, ChildEndedError, KclChild, running_child

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

TRUCKS = 3
POINTS_PER_RECORD = 1  # so that a late point changes what is derived for the newest
RECORDS_PER_BATCH = 8
DAY_MS = 86_400_000
HELD_BATCH = 3
"""The batch in which it is paused: its truck states are cached by then, and more batches follow."""

T = TypeVar("T")
Batch = Sequence[StreamRecord]


class Gate:
    """Holds a request until it is opened; replaces the shim's sleep."""

    def __init__(self) -> None:
        self.reached, self.opened = asyncio.Event(), asyncio.Event()

    async def wait(self, _seconds: float) -> None:
        self.reached.set()
        await self.opened.wait()


@dataclasses.dataclass
class Worker:
    """One child process, and the shims between it and the stores."""

    child: KclChild
    search: FaultShim
    aws: FaultShim
    gate: Gate

    async def takes(self, *batches: Batch) -> None:
        for batch in batches:
            await in_thread(partial(self.child.process, batch))

    async def ends_by_itself(self) -> int:
        """Sends it empty batches, as the daemon does, until it has ended; returns its exit code."""
        try:
            while True:
                await self.takes(())
                await asyncio.sleep(0.05)  # the daemon's own pause between polls
        except ChildEndedError as ended:
            return ended.code

    @property
    def requests(self) -> int:
        return len(self.search.record.exchanges) + len(self.aws.record.exchanges)


class Scene:
    """A shard's records, the stores, and the expected results."""

    def __init__(
        self, cloud: LaunchedCloud, folder: Path, stack: contextlib.AsyncExitStack
    ) -> None:
        self._environment = cloud.environment
        self._folder = folder
        self._stack = stack
        self._names = itertools.count()
        self.shard_id = unique("shardId-lost-lease")
        self.stores = Consumed(cloud.environment)
        self.truck_ids = [unique("T-lost-lease") for _ in range(TRUCKS)]
        began_at_ms = (now_ms() - DAY_MS) // 1_000 * 1_000
        self.records = Shard().records(*stream_of(self.truck_ids, began_at_ms))
        self.deliveries = [self._deliver(truck_id, began_at_ms) for truck_id in self.truck_ids]
        self.expected = Expected.of(self.deliveries, self.records)

    def batches(self, records_a_batch: int = RECORDS_PER_BATCH) -> list[Batch]:
        """The shard's records in the stream's order, that many records per batch."""
        groups = itertools.groupby(self.records, key=lambda record: record.sequence_number)
        whole = [list(group) for _, group in groups]
        return [
            list(itertools.chain.from_iterable(whole[start : start + records_a_batch]))
            for start in range(0, len(whole), records_a_batch)
        ]

    async def worker(self, shard_id: str | None = None) -> Worker:
        """A process that has just been given the shard (or another), from its start."""
        gate = Gate()
        search = FaultShim(self._environment.opensearch_url, sleep=gate.wait)
        aws = FaultShim(self._environment.aws_endpoint_url, sleep=gate.wait)
        await self._stack.enter_async_context(search)
        await self._stack.enter_async_context(aws)
        variables = self._environment.variables() | {
            "OPENSEARCH_URL": search.url,
            "OPENSEARCH_AUTH": "none",
            "AWS_ENDPOINT_URL": aws.url,
            "KCL_FAILOVER_MS": "500",  # and so 1.5 s from losing the shard to the end
        }
        log = self._folder / f"child-{next(self._names)}.log"
        child = self._stack.enter_context(running_child(variables, log))
        await in_thread(lambda: child.initialize(shard_id or self.shard_id))
        return Worker(child, search, aws, gate)

    async def assert_nothing_is_corrupt(self) -> None:
        await in_thread(self._assert_nothing_is_corrupt)

    def _assert_nothing_is_corrupt(self) -> None:
        history = self.stores.history(self.truck_ids)
        ids = [identity for _, identity, _ in history]

        assert len(ids) == len(set(ids))
        assert by_id(history) == by_id(self.expected.history())
        assert self.stores.latest(self.truck_ids) == self.expected.latest(self.truck_ids)
        for delivery in self.deliveries:
            log = self.stores.deliveries.events(delivery.delivery_id)
            assert agrees(log, self.expected.transitions(delivery.delivery_id))
            assert [event.version for event in log] == list(range(1, len(log) + 1))
            row = self.stores.deliveries.get(delivery.delivery_id)
            assert row is not None
            assert (row.version, row.status) == (log[-1].version, log[-1].status)
        assert self.delivery_states() == {
            truck_id: what_is_known(stored.state)
            for truck_id, stored in self.expected.world.positions.load(self.truck_ids).items()
            if stored.state is not None
        }
        assert not {one.data for one in self.records} & set(self.stores.parked().values())

    def delivery_states(self) -> dict[str, TruckState]:
        return {
            truck_id: what_is_known(state)
            for truck_id, state in self.stores.states(self.truck_ids).items()
            if state is not None
        }

    def latest_at_ms(self) -> list[int]:
        latest = self.stores.latest(self.truck_ids)
        return [latest[one].newest.event_at_ms for one in self.truck_ids if one in latest]

    def _deliver(self, truck_id: str, at_ms: int) -> Delivery:
        world, delivery_id = World(), unique("D-lost-lease")
        delivery = world.assign(delivery_id, truck_id, second=(at_ms - START_MS) // 1_000)
        self.stores.deliveries.append(
            None, delivery, world.deliveries.events(delivery_id), matches=True
        )
        return delivery


def what_is_known(state: TruckState) -> TruckState:
    """A state, without what depends on its writer, on how batches were cut, and on the log."""
    return msgspec.structs.replace(
        state,
        writer_id="",
        applied={},
        last_ordinal=0,
        settlings=0,
        shown_from=0,
        window=Window(state.truck_id, map(unnumbered, state.window)),
        last_good=None if state.last_good is None else unnumbered(state.last_good),
        deliveries=tuple(map(unlogged, state.deliveries)),
    )


def unlogged(truck_states: DeliveryState) -> DeliveryState:
    """A delivery's state, without how far the log is and what is kept until it is there."""
    transitions = tuple(
        msgspec.structs.replace(one, evidence=None) for one in truck_states.tip.transitions
    )
    tip = msgspec.structs.replace(truck_states.tip, transitions=transitions)
    return msgspec.structs.replace(truck_states, tip=tip, in_log=(), log_length=0)


def unnumbered(fix: Fix) -> Fix:
    """A fix without its ordinal: two computations of a track begin at different ones."""
    return msgspec.structs.replace(fix, n=0)


def by_id(
    history: Iterable[tuple[str, str, StoredFix]],
) -> dict[tuple[str, str], StoredFix]:
    """The documents, without their ordinals."""
    return {
        (index, identity): stored._replace(fix=unnumbered(stored.fix))
        for index, identity, stored in history
    }


def stream_of(truck_ids: Sequence[str], began_at_ms: int) -> list[list[Point]]:
    """Each truck's drive, the trucks in turn.

    Except for the first truck, every third record comes after the one that follows it: their logs
    are written when that is settled, the first truck's with the batches.
    """
    drives = [records_of(one, began_at_ms, in_order=n == 0) for n, one in enumerate(truck_ids)]
    return [record for together in zip(*drives, strict=True) for record in together]


def records_of(truck_id: str, began_at_ms: int, *, in_order: bool) -> list[list[Point]]:
    received_at_ms = now_ms()
    points = [
        msgspec.structs.replace(
            one,
            recorded_at_ms=began_at_ms + one.recorded_at_ms - START_MS,
            event_at_ms=began_at_ms + one.event_at_ms - START_MS,
            received_at_ms=received_at_ms,
        )
        for one in drive(truck_id)
    ]
    records = [
        points[start : start + POINTS_PER_RECORD]
        for start in range(0, len(points), POINTS_PER_RECORD)
    ]
    for late in range(1, 1 if in_order else len(records) - 1, 3):
        records[late], records[late + 1] = records[late + 1], records[late]
    return records


async def in_thread(function: Callable[[], T]) -> T:
    return await asyncio.to_thread(function)


async def within(awaited: Awaitable[T], seconds: float = 300.0) -> T:
    async with asyncio.timeout(seconds):
        return await awaited


@pytest.fixture
async def scene(local_cloud: LaunchedCloud, tmp_path: Path) -> AsyncIterator[Scene]:
    async with contextlib.AsyncExitStack() as stack:
        yield await in_thread(lambda: Scene(local_cloud, tmp_path, stack))


async def held_batch(
    worker: Worker, batches: Sequence[Batch]
) -> tuple[asyncio.Task[None], Sequence[Checkpoint]]:
    """Gives it batches until one is held at the gate; returns it, and what was checkpointed."""
    for batch in batches:
        checkpoints = tuple(worker.child.checkpoints)
        taking = asyncio.create_task(worker.takes(batch))
        reached = asyncio.create_task(worker.gate.reached.wait())
        await asyncio.wait({taking, reached}, return_when=asyncio.FIRST_COMPLETED)
        if reached.done():
            return taking, checkpoints
        reached.cancel()
        await taking
    pytest.fail("no batch has this step")


STEPS = {
    "history": FaultRule(
        name="held", operation="_bulk", target="truck-positions-*", fault=Delay(seconds=1), times=1
    ),
    "log": FaultRule(name="held", operation="TransactWriteItems", fault=Delay(seconds=1), times=1),
    "latest": FaultRule(
        name="held", operation="_bulk", target="truck-latest", fault=Delay(seconds=1), times=1
    ),
    "nudge": FaultRule(name="held", operation="SendMessageBatch", fault=Delay(seconds=1), times=1),
    "state": FaultRule(
        name="held", operation="_bulk", target="truck-state", fault=Delay(seconds=1), times=1
    ),
}


@pytest.mark.parametrize("step", STEPS)
async def test_a_worker_paused_in_a_batch_corrupts_nothing_when_it_resumes_after_losing_its_lease(
    scene: Scene, step: str
) -> None:
    former = await scene.worker()
    batches = scene.batches()
    await former.takes(*batches[:HELD_BATCH])
    for shim in (former.search, former.aws):
        await shim.set_rules(STEPS[step])
    held, checkpoints = await held_batch(former, batches[HELD_BATCH:])
    former.child.stop()

    owner = await scene.worker()
    others = scene.batches(6)
    await owner.takes(*others[:-2])
    latest_at_ms = await in_thread(scene.latest_at_ms)
    former.gate.opened.set()
    former.child.resume()
    await within(held)
    requests = former.requests
    await former.takes(*batches[-2:])

    assert len(former.child.reported("state_conflict")) == 1
    assert tuple(former.child.checkpoints) == checkpoints
    assert former.requests == requests, "it must process no further batch"
    assert await in_thread(scene.latest_at_ms) == latest_at_ms
    await owner.takes(*others[-2:])
    await in_thread(owner.child.end_shard)
    assert await within(former.ends_by_itself()) == 1
    assert former.requests == requests
    assert former.child.reported("no_lease_lost")
    assert owner.child.checkpoints[-1] == (None, None)
    assert not owner.child.reported("state_conflict")
    await scene.assert_nothing_is_corrupt()


async def test_a_worker_notified_of_its_lost_lease_sends_no_further_request(scene: Scene) -> None:
    former = await scene.worker()
    batches = scene.batches()
    await former.takes(*batches[:HELD_BATCH])
    owner = await scene.worker()
    await owner.takes(*batches)
    await former.takes(batches[HELD_BATCH])
    requests = former.requests
    await in_thread(former.child.lose_lease)

    assert len(former.child.reported("state_conflict")) == 1
    assert former.requests == requests
    await in_thread(owner.child.end_shard)
    await scene.assert_nothing_is_corrupt()


@pytest.mark.parametrize("knows", ["some trucks", "none"])
async def test_a_worker_that_lost_a_shard_that_was_split_meanwhile_corrupts_nothing(
    scene: Scene, knows: str
) -> None:
    batches = scene.batches()
    before, after = batches[:6], batches[6:]
    former = await scene.worker()
    if knows == "some trucks":
        await former.takes(*before[:2])
    owner = await scene.worker()
    await owner.takes(*before)
    await in_thread(owner.child.end_shard)
    childs_owner = await scene.worker(unique("shardId-lost-lease-child"))
    await childs_owner.takes(*after[:2])
    known = await in_thread(scene.delivery_states)

    await former.takes(*before)

    assert await in_thread(scene.delivery_states) == known
    assert bool(former.child.reported("state_conflict")) == (knows == "some trucks")
    await childs_owner.takes(*after[2:])
    await in_thread(childs_owner.child.end_shard)
    assert not childs_owner.child.reported("state_conflict")
    await scene.assert_nothing_is_corrupt()


async def test_a_state_write_with_a_lost_response_is_no_state_conflict(
    scene: Scene,
) -> None:
    worker = await scene.worker()
    rule = FaultRule(
        name="lost", operation="_bulk", target="truck-state", fault=CutResponse(), times=4
    )
    await worker.search.set_rules(rule)
    await worker.takes(*scene.batches())
    await in_thread(worker.child.end_shard)

    assert worker.search.tallies["lost"].applied == 4
    assert not worker.child.reported("state_conflict")
    assert worker.child.checkpoints[-1] == (None, None)
    await scene.assert_nothing_is_corrupt()


@pytest.mark.parametrize("seed", range(3))
async def test_two_workers_at_once_reach_the_end_of_the_shard_in_either_order(
    scene: Scene, seed: int
) -> None:
    """Both process batches at once, cut differently; a new worker replaces the one that loses."""
    rng = random.Random(seed)

    async def works(records_a_batch: int) -> None:
        for _ in range(20):
            worker = await scene.worker()
            try:
                for batch in scene.batches(records_a_batch):
                    if worker.child.reported("state_conflict"):
                        break
                    await worker.takes(batch)
                    await asyncio.sleep(rng.choice([0, 0, 0.05, 0.2]))
                else:
                    if not worker.child.reported("state_conflict"):
                        await in_thread(worker.child.end_shard)
                        return
                code = await worker.ends_by_itself()
            except ChildEndedError as ended:  # some time after it lost the lease
                code = ended.code
            assert code == 1
            at_the_end = worker.child.reported("shard_end_failed")
            assert worker.child.reported("state_conflict") or "LeaseLost" in str(at_the_end)
        pytest.fail("no worker reached the end of the shard")

    await within(asyncio.gather(works(6), works(8)), 600)
    await scene.assert_nothing_is_corrupt()
