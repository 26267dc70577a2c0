"""The socket load test, from the deliveries that it creates to the report.

In order: deliveries and tokens are created before the first socket connects; the trucks start with
it; each socket connects at its time; once all have their snapshot, the measured time starts; at
its end the results are summarised while all sockets are still open; then the sockets are closed
and the deliveries cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from rtdts.runtime.deadline import Deadline
from sim.drive.access import IdentityTokens
from sim.drive.deliveries_api import ApiError
from sim.drive.simulated_truck import System
from sim.load.plan import LoadOptions, SocketPlan, socket_plans, truck_assignments
from sim.load.processes import CpuMeter
from sim.load.report import CpuUse, LoadReport, sum_up
from sim.load.sockets import LoadedSocket
from sim.load.tally import Progress, Tally
from sim.load.time_series import TimeSeries
from sim.load.trucks import LoadTruck, plan_load_trips
from sim.viewers.connection import OpenSocket, socket_opener

T = TypeVar("T")

REQUESTS_AT_ONCE = 8
CLOSING_S = 10.0
TIDYING_S = 30.0
LAG_EVERY_S = 0.1
POLL_EVERY_S = 0.1
OPEN_TIMEOUT_S = 30.0
SAMPLE_EVERY_S = 1.0


class LoadTest:
    """One load test.

    Args:
        system: The system under test.
        options: How heavy the load is.
        print_line: Receives progress lines.
        cpu: Reads the CPU time of the system's parts; None when they are not on this machine.

    Attributes:
        tally: What the sockets received so far.
        time_series: The tally over time, per second.
        started: Set at the first socket's connect time.
        is_holding: True from then until the results are summarised.
    """

    def __init__(
        self,
        system: System,
        options: LoadOptions,
        print_line: Callable[[str], None],
        *,
        cpu: CpuMeter | None = None,
    ) -> None:
        self.tally = Tally()
        self.time_series = TimeSeries(self.tally)
        self.started = asyncio.Event()
        self.is_holding = False
        self._held_since_s: float | None = None
        self.options = options
        self._system = system
        self._print_line = print_line
        self._cpu = cpu
        self._spent_before: dict[str, float] = {}
        self._messages_before = 0
        self._run = f"L{secrets.token_hex(3)}"
        self._lags_s: list[float] = []
        self._started_at_s = 0.0
        self._trucks = self._make_trucks()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first socket's connect time."""
        if not self.started.is_set():
            return 0.0
        return asyncio.get_running_loop().time() - self._started_at_s

    @property
    def progress(self) -> Progress:
        """The progress of the test."""
        now_s, since_s = asyncio.get_running_loop().time(), self._held_since_s
        return Progress(
            sockets=self.options.sockets,
            duration_s=self.options.duration_s,
            elapsed_s=self.elapsed_s,
            held_s=None if since_s is None else now_s - since_s,
            points_accepted=self._points_accepted,
            tally=self.tally,
        )

    @property
    def _points_accepted(self) -> int:
        return sum(len(truck.uploader.report.accepted) for truck in self._trucks)

    async def run(self, stop: asyncio.Event) -> LoadReport:
        """Runs the test until its time is over or ``stop`` is set.

        Raises:
            ApiError: A delivery could not be created.
            TokenError: No token could be obtained.
        """
        options = self.options
        self._print_line(
            f"creating {options.deliveries} deliveries on {options.trucks} trucks, "
            f"{options.sockets} sockets will track them"
        )
        try:
            await self._create_deliveries()
            return await self._hold(stop)
        finally:
            await self._tidy_up()

    async def _hold(self, stop: asyncio.Event) -> LoadReport:
        options, system = self.options, self._system
        plans = socket_plans(options)
        # A customer's sockets share one token, as the devices of one person may.
        tokens = {plan.delivery: system.identity("customer", self._customer(plan.delivery))
                  for plan in plans}  # fmt: skip
        await _each(tokens.values(), lambda token: token())
        open_socket = socket_opener(
            system.environment.websocket_url, open_timeout_s=OPEN_TIMEOUT_S, ping_interval_s=None
        )
        self._started_at_s = asyncio.get_running_loop().time()
        self.is_holding = True
        self.started.set()
        start_ms = system.now_ms()
        sockets = [
            asyncio.create_task(
                self._connect(plan, self._socket(plan, tokens[plan.delivery], open_socket))
            )
            for plan in plans
        ]
        trucks = [asyncio.create_task(truck.run(start_ms)) for truck in self._trucks]
        background = [
            asyncio.create_task(self._watch_lag()),
            asyncio.create_task(self._sample_time_series()),
        ]
        try:
            await self._let_settle(sockets, stop)
            await _wait(stop, options.duration_s)
            for task in (*sockets, *trucks, *background):
                if task.done():
                    task.result()  # a bug of the test must not look like a silent socket
            return sum_up(
                self.tally,
                now_ms=system.now_ms(),
                elapsed_s=self.elapsed_s,
                points_accepted=self._points_accepted,
                lags_s=self._lags_s,
                cpu=self._cpu_use(),
            )
        finally:
            self.is_holding = False
            for task in (*sockets, *trucks, *background):
                task.cancel()
            # A socket's closing handshake may hang; the wait for it is bounded.
            await asyncio.wait((*sockets, *trucks, *background), timeout=CLOSING_S)

    async def _let_settle(self, sockets: Sequence[asyncio.Task[None]], stop: asyncio.Event) -> None:
        """Waits until each socket has its snapshot or was rejected, or until time runs out."""
        await _wait(stop, self.options.ramp_s)
        deadline = Deadline(self.options.wait_s)
        while not stop.is_set() and not deadline.passed:
            places = zip(self.tally.sockets, sockets, strict=True)
            if all(document.snapshot_at_ms is not None or task.done() for document, task in places):
                break
            await _wait(stop, POLL_EVERY_S)
        self._held_since_s = asyncio.get_running_loop().time()
        self.time_series.held_from_s = self.elapsed_s
        self._messages_before = self.tally.messages.total()
        if self._cpu is not None:
            self._spent_before = self._cpu.read()

    def _cpu_use(self) -> dict[str, CpuUse]:
        """CPU use in the time in which all sockets were held."""
        messages = self.tally.messages.total() - self._messages_before
        spent = self._cpu.read() if self._cpu is not None else {}
        return {
            part: CpuUse(seconds - self._spent_before[part], messages)
            for part, seconds in spent.items()
            if part in self._spent_before
        }

    async def _sample_time_series(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_EVERY_S)
            self.time_series.sample(self.elapsed_s)

    def _socket(
        self, plan: SocketPlan, tokens: IdentityTokens, open_socket: OpenSocket
    ) -> LoadedSocket:
        return LoadedSocket(
            self.tally,
            tokens,
            self._delivery(plan.delivery),
            open_socket=open_socket,
            now_ms=self._system.now_ms,
            sleep=self._system.sleep,
        )

    async def _connect(self, plan: SocketPlan, socket: LoadedSocket) -> None:
        await self._system.sleep(max(0.0, plan.connects_at_s - self.elapsed_s))
        await socket.run()

    async def _watch_lag(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            self._lags_s.append(max(0.0, loop.time() - due_s))

    def _make_trucks(self) -> list[LoadTruck]:
        options = self.options
        trips = plan_load_trips(options)
        return [
            LoadTruck(
                self._system, f"T-{self._run}-{number}", trip, seed=f"{options.seed}.{number}"
            )
            for number, trip in enumerate(trips)
        ]

    async def _create_deliveries(self) -> None:
        dispatcher = self._system.deliveries("dispatcher", "sim")
        near = {number for one in self.options.groups if one.is_near for number in one.deliveries}

        async def create(delivery: tuple[int, int]) -> None:
            number, carrier = delivery
            truck, delivery_id = self._trucks[carrier], self._delivery(number)
            await dispatcher.put(
                delivery_id,
                truck_id=truck.truck_id,
                customer_id=self._customer(number),
                origin=truck.trip.origin,
                destination=truck.trip.destination,
                stop_sequence=1,  # all deliveries of a truck go to one place
            )
            if number in near:  # only a truck with its cargo gets near a destination
                await dispatcher.declare(
                    delivery_id,
                    "picked_up",
                    at_ms=self._system.now_ms(),
                    key=f"{delivery_id}.picked_up",
                )

        await _each(truck_assignments(self.options), create)

    async def _tidy_up(self) -> None:
        """Cancels the deliveries that it created, as far as possible in a bounded time."""
        self._print_line("closing the sockets, cancelling the deliveries")
        dispatcher = self._system.deliveries("dispatcher", "sim")

        async def cancel(number: int) -> None:
            delivery_id = self._delivery(number)
            with contextlib.suppress(ApiError):  # never created, or closed already
                await dispatcher.declare(
                    delivery_id,
                    "cancelled",
                    at_ms=self._system.now_ms(),
                    key=f"{delivery_id}.cancelled",
                )

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TIDYING_S):
                await _each(range(self.options.deliveries), cancel)

    def _delivery(self, number: int) -> str:
        return f"D-{self._run}-{number}"

    def _customer(self, number: int) -> str:
        return f"C-{self._run}-{number}"


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    """Waits, but returns early when ``stop`` is set."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


async def _each(values: Iterable[T], act: Callable[[T], Awaitable[object]]) -> None:
    """Acts on each value, several concurrently; the first failure ends all."""
    waiting: Iterator[T] = iter(values)

    async def worker() -> None:
        for value in waiting:
            await act(value)

    async with asyncio.TaskGroup() as workers:
        for _ in range(REQUESTS_AT_ONCE):
            workers.create_task(worker())
