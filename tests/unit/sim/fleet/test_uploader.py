"""The uploader loses no unsettled point, whatever the network does."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sim.fleet.upload_responses import UploadResponse
from sim.fleet.uploader import UnreachableError, Uploader
from sim.token_client import TokenError
from tests.support.fleet import BATCH, fix

Step = Callable[[list[dict[str, Any]]], UploadResponse]


def ok(points: list[dict[str, Any]]) -> UploadResponse:
    body = {"accepted": len(points), "rejected": [], "adjusted": []}
    return UploadResponse(202, {}, json.dumps(body).encode())


def no_response(_: list[dict[str, Any]]) -> UploadResponse:
    raise UnreachableError("reset")


def status(code: int, **body: Any) -> Step:
    return lambda _: UploadResponse(code, {}, json.dumps(body).encode())


@dataclass
class FakeService:
    """Responds as scripted, then accepts everything."""

    script: list[Step] = field(default_factory=list)
    requests: list[list[int]] = field(default_factory=list)
    content_types: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    requested: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, body: bytes, content_type: str, token: str) -> UploadResponse:
        self.content_types.append(content_type)
        self.tokens.append(token)
        raw = gzip.decompress(body) if content_type == "application/gzip" else body
        points = json.loads(raw)["positions"]
        self.requests.append([point["seq"] for point in points])
        self.requested.set()
        await asyncio.sleep(0)
        return (self.script.pop(0) if self.script else ok)(points)


@dataclass
class FakeTokens:
    issued: int = 0
    failures_left: int = 0

    async def __call__(self, *, fresh: bool) -> str:
        if self.failures_left:
            self.failures_left -= 1
            raise TokenError("unavailable")
        if fresh or not self.issued:
            self.issued += 1
        return f"token-{self.issued}"


@dataclass
class FakeSleep:
    waits_s: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.waits_s.append(seconds)
        await asyncio.sleep(0)


@asynccontextmanager
async def running(uploader: Uploader) -> AsyncIterator[Uploader]:
    task = asyncio.create_task(uploader.run())
    try:
        yield uploader
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def upload(
    service: FakeService, *, tokens: FakeTokens | None = None, **more: Any
) -> Uploader:
    sleep = FakeSleep()
    async with running(Uploader(service, tokens or FakeTokens(), sleep=sleep, **more)) as uploader:
        uploader.offer(BATCH)
        await uploader.settled()
    return uploader


async def test_points_are_sent_together_and_each_is_settled_once() -> None:
    service = FakeService()
    uploader = await upload(service)

    assert service.requests == [[0, 1, 2, 3, 4]]
    assert list(uploader.report.accepted) == [one.id for one in BATCH]
    assert uploader.unsettled == 0


async def test_without_a_response_the_same_points_are_sent_again_in_order() -> None:
    service = FakeService([no_response, no_response])
    uploader = await upload(service)

    assert service.requests == [[0, 1, 2, 3, 4]] * 3
    assert len(uploader.report.accepted) == 5
    assert uploader.report.failures == 2


async def test_only_points_that_were_not_accepted_are_sent_again_and_before_newer_ones() -> None:
    service = FakeService([status(503, accepted=3, rejected=[], not_taken=[1, 3])])
    async with running(Uploader(service, FakeTokens(), sleep=FakeSleep())) as uploader:
        uploader.offer(BATCH)
        await service.requested.wait()
        uploader.offer([fix(9)])
        await uploader.settled()

    assert service.requests == [[0, 1, 2, 3, 4], [1, 3, 9]]
    assert len(uploader.report.accepted) == 6


async def test_the_uploader_waits_as_long_as_retry_after_says() -> None:
    service, sleep = FakeService(), FakeSleep()
    body = json.dumps({"accepted": 0, "rejected": [], "not_taken": [0, 1, 2, 3, 4]}).encode()
    service.script = [lambda _: UploadResponse(503, {"Retry-After": "4"}, body)]
    async with running(Uploader(service, FakeTokens(), sleep=sleep)) as uploader:
        uploader.offer(BATCH)
        await uploader.settled()

    assert sleep.waits_s == [4.0]


async def test_a_rejected_token_is_replaced() -> None:
    service = FakeService([status(401)])
    uploader = await upload(service)

    assert service.tokens == ["token-1", "token-2"]
    assert len(uploader.report.accepted) == 5


async def test_no_point_is_lost_while_the_issuer_is_unavailable() -> None:
    service = FakeService()
    uploader = await upload(service, tokens=FakeTokens(failures_left=2))

    assert len(uploader.report.accepted) == 5
    assert service.requests == [[0, 1, 2, 3, 4]]


async def test_a_batch_that_is_too_large_is_halved_until_it_fits() -> None:
    service = FakeService([status(413), status(413)])
    uploader = await upload(service)

    assert service.requests == [[0, 1, 2, 3, 4], [0, 1], [0], [1], [2], [3], [4]]
    assert len(uploader.report.accepted) == 5


async def test_a_rejected_point_is_never_sent_again() -> None:
    rejected = [{"index": 1, "field": "lat", "reason": "range"}]
    service = FakeService([status(202, accepted=4, rejected=rejected, adjusted=[])])
    uploader = await upload(service)

    assert service.requests == [[0, 1, 2, 3, 4]]
    assert [entry.fix for entry in uploader.report.rejected] == [BATCH[1]]
    assert len(uploader.report.accepted) == 4


async def test_a_repeated_point_is_counted_once() -> None:
    service = FakeService()
    async with running(Uploader(service, FakeTokens(), sleep=FakeSleep())) as uploader:
        uploader.offer(BATCH[:2])
        await uploader.settled()
        uploader.offer(BATCH[:2])
        await uploader.settled()

    assert len(uploader.report.accepted) == 2
    assert uploader.report.repeats_accepted == 2


async def test_a_compressed_body_declares_its_content_type() -> None:
    service = FakeService()
    await upload(service, compress=True)

    assert service.content_types == ["application/gzip"]
    assert service.requests == [[0, 1, 2, 3, 4]]


async def test_no_request_has_more_points_than_the_service_accepts() -> None:
    service = FakeService()
    async with running(Uploader(service, FakeTokens(), sleep=FakeSleep())) as uploader:
        uploader.offer([fix(seq) for seq in range(1100)])
        await uploader.settled()

    assert [len(request) for request in service.requests] == [500, 500, 100]
