"""HTTP/1.1 to one server over kept-alive connections: the client that a fan-out needs.

A round posts to each viewer separately, all to the same server, thousands of times per second. A
general client spends three quarters of that time on what never changes here: parsing URLs, merging
headers, cookies, redirects, tracing (see docs/performance.md). This file has only what is needed:
it writes a request's bytes, reads a response and keeps the connection alive, with a time limit for
each request, and it repeats a request when a kept connection turns out to be closed.

The connection that was used last is used next, so that after a peak the others become idle and are
closed. The number of connections is bounded by the number of requests that the callers have in
progress.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Final
from urllib.parse import urlsplit

from broadcaster.http_response import HttpResponse, MalformedResponseError, ResponseReader
from rtdts.runtime.deadline import Deadline

_PORTS: Final = {"http": 80, "https": 443}
_ADDRESSES_GOOD_FOR_S: Final = 10.0
"""How long resolved addresses are reused. AWS changes the addresses behind a name within a minute;
a lookup per connection would be hundreds of lookups at once."""


class HttpError(Exception):
    """No readable response came; it is not known whether the request arrived."""


class TimeLimitError(HttpError):
    """The response did not come in time."""


class UnreachableError(HttpError):
    """No connection could be made."""


class TooLateError(HttpError):
    """The request's `write_by` passed before it could be written: nothing was sent."""


class ConnectionEndedError(HttpError):
    """The connection ended before the response was complete."""


class ConnectionPool:
    """Sends requests to one server.

    Args:
        url: ``http`` or ``https``, host and port; the rest of it is ignored.
        max_idle_s: How long an unused connection is kept.
        tls: The TLS context for ``https``; None to trust the system's authorities.
    """

    def __init__(self, url: str, *, max_idle_s: float, tls: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(f"not a URL of a server: {url!r}")
        self._host = parts.hostname
        self._port = parts.port or _PORTS[parts.scheme]
        self._tls = (tls or ssl.create_default_context()) if parts.scheme == "https" else None
        self._max_idle_s = max_idle_s
        self._idle: dict[_Connection, float] = {}  # ordered: the most recently used one is last
        self._open: set[_Connection] = set()
        self._addresses: tuple[str, ...] = ()
        self._addresses_until_s = float("-inf")
        self._resolving = asyncio.Lock()
        self._next_address = 0

    async def send(self, request: bytes, *, timeout_s: float, write_by: Deadline) -> HttpResponse:
        """Sends one request and reads its response.

        When the connection ends without a complete response, the request is sent once more over a
        new connection: a kept connection that the server had closed can't be distinguished from a
        lost response. So a request must be safe to receive twice.

        Args:
            request: The complete request.
            timeout_s: Limit from now to the complete response, including connecting.
            write_by: Checked right before each write of the request: connecting may take longer
                than the content of the request stays true.

        Raises:
            TooLateError: `write_by` had passed. The connection is kept, so the next request need
                not wait for one.
            HttpError: There is no response.
        """
        deadline_s = asyncio.get_running_loop().time() + timeout_s
        connection = self._pop_idle() or await self._connect(deadline_s)
        try:
            return await connection.exchange(request, deadline_s, write_by)
        except ConnectionEndedError:
            connection = await self._connect(deadline_s)
            return await connection.exchange(request, deadline_s, write_by)

    def close(self) -> None:
        """Ends all connections at once; requests in progress fail."""
        for connection in tuple(self._open):
            connection.abort(HttpError("closed by us"))

    def register(self, connection: _Connection) -> None:
        """Registers a new connection."""
        self._open.add(connection)

    def release(self, connection: _Connection) -> None:
        """Returns a connection that may be used again to the pool."""
        now_s = asyncio.get_running_loop().time()
        self._idle[connection] = now_s
        longest = next(iter(self._idle))
        if self._idle[longest] < now_s - self._max_idle_s:
            del self._idle[longest]
            longest.abort(HttpError("idle for too long"))

    def remove(self, connection: _Connection) -> None:
        """Drops a connection that has ended."""
        self._idle.pop(connection, None)
        self._open.discard(connection)

    def _pop_idle(self) -> _Connection | None:
        oldest_s = asyncio.get_running_loop().time() - self._max_idle_s
        while self._idle:
            connection, used_at_s = self._idle.popitem()
            if used_at_s >= oldest_s:
                return connection
            connection.abort(HttpError("idle for too long"))
        return None

    async def _connect(self, deadline_s: float) -> _Connection:
        loop = asyncio.get_running_loop()
        problem: Exception | None = None
        try:
            async with asyncio.timeout_at(deadline_s):
                for address in await self._resolved():
                    try:
                        _, connection = await loop.create_connection(
                            lambda: _Connection(self),
                            address,
                            self._port,
                            ssl=self._tls,
                            server_hostname=self._host if self._tls else None,
                        )
                    except OSError as error:  # TLS errors are OSErrors, too
                        problem = error
                    else:
                        return connection
        except TimeoutError as error:
            raise TimeLimitError("no connection in time") from error
        except OSError as error:
            problem = error
        self._addresses_until_s = float("-inf")
        raise UnreachableError(f"{self._host}: {problem!r}") from problem

    async def _resolved(self) -> tuple[str, ...]:
        """The server's addresses, with a different one first each time."""
        loop = asyncio.get_running_loop()
        async with self._resolving:
            if loop.time() >= self._addresses_until_s:
                found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
                self._addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
                self._addresses_until_s = loop.time() + _ADDRESSES_GOOD_FOR_S
        self._next_address += 1
        first = self._next_address % len(self._addresses)
        return self._addresses[first:] + self._addresses[:first]


class _Connection(asyncio.Protocol):
    """One connection: one request at a time."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._reader = ResponseReader()
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[HttpResponse] | None = None

    async def exchange(self, request: bytes, deadline_s: float, write_by: Deadline) -> HttpResponse:
        """Sends a request, waits for its response, gives the connection back if it is reusable.

        Raises:
            TooLateError: `write_by` has passed; the connection may be used again.
            HttpError: There is no response; the connection has ended.
        """
        if self._transport is None or self._transport.is_closing():
            raise ConnectionEndedError("the connection had already ended")
        if write_by.passed:
            self._pool.release(self)
            raise TooLateError("not written: `write_by` has passed")
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        limit = loop.call_at(deadline_s, self._too_late)
        try:
            self._transport.write(request)
            return await self._waiting
        except asyncio.CancelledError:
            self.abort(HttpError("the caller was cancelled"))
            raise
        finally:
            limit.cancel()

    def abort(self, error: HttpError) -> None:
        """Ends the connection at once; a caller that waits for a response gets the error."""
        self._fail(error)
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = transport  # type: ignore[assignment] # the base type is too wide here
        self._pool.register(self)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._waiting is None or self._waiting.done():
            self.abort(HttpError("the server sent data without a request"))
            return
        try:
            response = self._reader.feed(data)
        except MalformedResponseError as error:
            self.abort(HttpError(str(error)))
            return
        if response is not None:
            self._on_response(response)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._pool.remove(self)
        if self._waiting is None or self._waiting.done():
            return
        try:
            response = self._reader.end() if exc is None else None
        except MalformedResponseError:
            response = None
        if response is not None:
            self._waiting.set_result(response)
        else:
            self._fail(ConnectionEndedError(f"the server closed the connection: {exc!r}"))

    def _on_response(self, response: HttpResponse) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.set_result(response)
        if response.is_reusable:
            self._pool.release(self)
        else:
            self.abort(HttpError("the server does not keep the connection"))

    def _too_late(self) -> None:
        self.abort(TimeLimitError("no response in time"))

    def _fail(self, error: HttpError) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
