"""A customer follows deliveries with the client library, and every message is kept."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from rtdts_client import Access, Socket, SocketLostError, Ticket
from sim.viewers.customer import Customer
from sim.viewers.receiver import Received
from tests.fakes.fake_socket import FakeConnection
from tests.support.reception import Reception
from tests.support.viewer_messages import NOW_MS, position, status


class Service:
    """Issues tickets, and opens sockets with them."""

    def __init__(self) -> None:
        self.urls: list[str] = []
        self.opened: asyncio.Queue[FakeConnection] = asyncio.Queue()

    def access(self, delivery_id: str) -> Access:
        async def fetch() -> Ticket:
            return Ticket(f"of-{delivery_id}", delivery_id)

        return fetch

    async def open(self, url: str) -> Socket:
        self.urls.append(url)
        connection = FakeConnection()
        self.opened.put_nowait(connection)
        return _Lost(connection)


class _Lost:
    def __init__(self, connection: FakeConnection) -> None:
        self._connection = connection

    async def send(self, frame: str) -> None:
        await self._connection.send(frame)

    async def receive(self) -> str | bytes:
        try:
            return await self._connection.receive()
        except Exception as error:
            raise SocketLostError(str(error)) from error

    async def close(self) -> None:
        await self._connection.close()


@asynccontextmanager
async def running(service: Service, reports: Reception) -> AsyncIterator[Customer]:
    customer = Customer(
        "ws://service.test",
        service.access,
        on_message=reports,
        now_ms=lambda: NOW_MS,
        open_socket=service.open,
    )
    task = asyncio.create_task(customer.run())
    try:
        yield customer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def snapshot(version: int = 2) -> dict[str, Any]:
    return {**position(5, version=version), "type": "snapshot", "events": [], "track": []}


async def test_each_delivery_is_tracked_on_its_own_socket() -> None:
    service, reports = Service(), Reception()
    async with running(service, reports) as customer:
        await customer.track("D-1")
        await customer.track("D-1")
        first = await service.opened.get()
        await first.until_sent(1)
        await customer.track("D-2")
        await service.opened.get()

        assert service.urls == [f"ws://service.test?ticket=of-D-{n}" for n in (1, 2)]
        assert first.sent == [{"action": "track", "delivery_id": "D-1", "since_version": 0}]


async def test_repeated_messages_are_all_kept_but_only_the_first_is_new() -> None:
    service, reports = Service(), Reception()
    async with running(service, reports) as customer:
        await customer.track("D-1")
        socket = await service.opened.get()
        for message in (snapshot(), status(3, "nearby"), status(3, "nearby")):
            socket.push(message)
        socket.push(json.dumps({**status(1, "assigned"), "delivery_id": "D-of-another"}))
        socket.push({"type": "error", "delivery_id": "D-1", "reason": "not_found"})
        await customer.ended("D-1")

        assert [one.new_version for one in reports.messages] == [True, True, False, True, False]
        assert (customer.views["D-1"].version, list(customer.views)) == (3, ["D-1"])


async def test_the_socket_of_an_untracked_delivery_is_closed() -> None:
    service, reports = Service(), Reception()
    async with running(service, reports) as customer:
        await customer.track("D-1")
        socket = await service.opened.get()
        socket.push(snapshot())
        await reports.until(1)
        await customer.untrack("D-1")

        assert await customer.ended("D-1") == "stopped"
        assert socket.closed


async def test_the_reason_why_a_delivery_is_no_longer_followed_is_kept() -> None:
    service, reports = Service(), Reception()
    async with running(service, reports) as customer:
        await customer.track("D-1")
        socket = await service.opened.get()
        socket.push({"type": "error", "delivery_id": "D-1", "reason": "not_found"})

        assert await customer.ended("D-1") == "not_found"
        received: list[Received] = reports.messages
        assert [one.message["reason"] for one in received] == ["not_found"]
