"""Upload a truck's points to the service, and keep each one until the service has settled it.

There is one uploader per truck. `offer` puts points into its store and returns at once; `run`
empties the store, oldest first, for as long as it runs. A point leaves the store only when a
response settles it: accepted or rejected. Without a response, or after a partial response or a
gateway error, it stays there.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rtdts.runtime.backoff import backoff_s
from sim.fleet.device import Fix
from sim.fleet.upload_responses import BatchResult, RejectedPoint, UploadResponse, interpret
from sim.token_client import TokenError

MAX_BATCH = 500
"""The most points that the service accepts in one request."""


class UnreachableError(Exception):
    """There was no response: connection refused, reset or timed out."""


class Poster(Protocol):
    """Sends one request to ``POST /telemetry``."""

    async def __call__(self, body: bytes, content_type: str, token: str) -> UploadResponse:
        """Post the body and read the whole response.

        Raises:
            UnreachableError: There was no response.
        """


class TokenSource(Protocol):
    """Where a client gets its token."""

    async def __call__(self, *, fresh: bool) -> str:
        """A valid token; a new one when ``fresh``.

        Raises:
            TokenError: The issuer is unavailable.
        """


@dataclass
class UploadReport:
    """Results of a truck's uploads so far."""

    accepted: dict[str, Fix] = field(default_factory=dict)
    """The accepted points by id: a repeated point counts once."""
    rejected: list[RejectedPoint] = field(default_factory=list)
    requests: int = 0
    failures: int = 0
    """Requests without a response, or whose points were not all accepted."""
    repeats_accepted: int = 0
    """How often a point was accepted again."""


class Uploader:
    """A truck's store of unsettled points, and the loop that empties it."""

    def __init__(
        self,
        post: Poster,
        token: TokenSource,
        *,
        compress: bool = False,
        max_batch: int = MAX_BATCH,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.report = UploadReport()
        self._post = post
        self._token = token
        self._compress = compress
        self._max_batch = max_batch
        self._sleep = sleep
        self._store: deque[Fix] = deque()
        self._in_flight = 0
        self._offered = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()

    @property
    def unsettled(self) -> int:
        """Number of points that are not settled."""
        return len(self._store) + self._in_flight

    def offer(self, fixes: Iterable[Fix]) -> None:
        """Store points for sending; also repeats, as from a device that got no response."""
        self._store.extend(fixes)
        if self._store:
            self._settled.clear()
            self._offered.set()

    async def settled(self) -> None:
        """Return when nothing is left to send."""
        await self._settled.wait()

    async def run(self) -> None:
        """Send until cancelled."""
        waits_s = _waits()
        fresh_token = False
        while True:
            await self._offered.wait()
            batch = [self._store.popleft() for _ in range(min(len(self._store), self._max_batch))]
            self._in_flight = len(batch)
            result = await self._send(batch, fresh_token=fresh_token)
            self._settle(result)
            fresh_token = result.new_token
            if result.smaller:
                self._max_batch = max(1, len(batch) // 2)
            if result.failed:
                drawn_s = next(waits_s)
                await self._sleep(drawn_s if result.wait_s is None else result.wait_s)
            else:
                waits_s = _waits()

    async def _send(self, batch: Sequence[Fix], *, fresh_token: bool) -> BatchResult:
        self.report.requests += 1
        body = json.dumps({"positions": [fix.to_wire() for fix in batch]}).encode()
        content_type = "application/json"
        if self._compress:
            body, content_type = gzip.compress(body), "application/gzip"
        try:
            token = await self._token(fresh=fresh_token)
            return interpret(await self._post(body, content_type, token), batch)
        except (UnreachableError, TokenError):
            return BatchResult(keep=tuple(batch), failed=True)

    def _settle(self, result: BatchResult) -> None:
        report = self.report
        for fix in result.accepted:
            report.repeats_accepted += fix.id in report.accepted
            report.accepted[fix.id] = fix
        report.rejected.extend(result.rejected)
        report.failures += result.failed
        self._store.extendleft(reversed(result.keep))
        self._in_flight = 0
        if not self._store:
            self._offered.clear()
            self._settled.set()


def _waits() -> Iterator[float]:
    return backoff_s(first_s=0.5, max_s=5.0)
