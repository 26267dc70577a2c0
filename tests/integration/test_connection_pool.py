"""The broadcaster's HTTP client against local servers that behave as real servers may."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from broadcaster.connection_pool import (
    ConnectionEndedError,
    ConnectionPool,
    HttpError,
    TimeLimitError,
    TooLateError,
    UnreachableError,
)
from rtdts.runtime.deadline import Deadline
from tests.fakes.fake_clock import FakeClock
from tests.support.waiting import NO_HURRY, until

REQUEST = b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

Serve = Callable[["Server", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Handles each connection as scripted; counts connections and requests."""

    def __init__(self, serve: Serve) -> None:
        self.url = ""
        self.connections = 0
        self.requests = 0
        self.release = asyncio.Event()
        self._serve = serve

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._serve(self, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    async def request(self, reader: asyncio.StreamReader) -> None:
        assert await reader.readexactly(len(REQUEST)) == REQUEST
        self.requests += 1


@asynccontextmanager
async def talking_to(
    serve: Serve,
    *,
    max_idle_s: float = 60.0,
    tls: tuple[ssl.SSLContext, ssl.SSLContext] | None = None,
) -> AsyncIterator[tuple[Server, ConnectionPool]]:
    served = Server(serve)
    listening = await asyncio.start_server(
        served.handle, "127.0.0.1", 0, ssl=tls[0] if tls else None
    )
    port = listening.sockets[0].getsockname()[1]
    scheme, trusted = ("https", tls[1]) if tls else ("http", None)
    served.url = f"{scheme}://127.0.0.1:{port}/any"
    http = ConnectionPool(served.url, max_idle_s=max_idle_s, tls=trusted)
    try:
        yield served, http
    finally:
        http.close()
        served.release.set()
        listening.close()
        await listening.wait_closed()


async def always_ok(
    server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    while True:
        await server.request(reader)
        writer.write(OK)


async def test_a_connection_is_reused_for_all_requests_in_sequence() -> None:
    async with talking_to(always_ok) as (server, http):
        statuses = [
            (await http.send(REQUEST, timeout_s=60, write_by=NO_HURRY)).status for _ in range(20)
        ]

        assert statuses == [200] * 20
        assert (server.connections, server.requests) == (1, 20)


async def test_concurrent_requests_open_a_connection_each_and_reuse_them_later() -> None:
    async with talking_to(always_ok) as (server, http):
        for _ in range(3):
            await asyncio.gather(
                *(http.send(REQUEST, timeout_s=60, write_by=NO_HURRY) for _ in range(10))
            )

        assert (server.connections, server.requests) == (10, 30)


async def test_a_connection_that_was_idle_for_too_long_is_not_reused() -> None:
    async with talking_to(always_ok, max_idle_s=-1) as (server, http):
        for _ in range(3):
            await http.send(REQUEST, timeout_s=60, write_by=NO_HURRY)

        assert server.connections == 3


@pytest.mark.parametrize("bye", [b"", b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"])
async def test_no_request_fails_when_the_server_ends_a_pooled_connection(bye: bytes) -> None:
    async def one_response_each(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await server.request(reader)
        writer.write(OK)
        await server.release.wait()
        writer.write(bye)
        writer.write_eof()
        assert await reader.read() == b""  # the client has closed it too
        ended.set()

    ended = asyncio.Event()
    async with talking_to(one_response_each) as (server, http):
        first = await http.send(REQUEST, timeout_s=60, write_by=NO_HURRY)
        server.release.set()
        await ended.wait()
        second = await http.send(REQUEST, timeout_s=60, write_by=NO_HURRY)

        assert (first.status, second.status, server.connections) == (200, 200, 2)


async def test_a_request_is_repeated_once_if_its_pooled_connection_ends() -> None:
    async def drop_the_second(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await server.request(reader)
        writer.write(OK)
        await server.request(reader)
        if server.connections > 1:
            writer.write(OK)

    async with talking_to(drop_the_second) as (server, http):
        statuses = [
            (await http.send(REQUEST, timeout_s=60, write_by=NO_HURRY)).status for _ in range(2)
        ]

        assert statuses == [200, 200]
        assert (server.connections, server.requests) == (2, 3)


async def test_a_request_whose_deadline_passes_while_connecting_is_not_written(
    tmp_path: Path,
) -> None:
    of_server, of_client = certified(tmp_path, "127.0.0.1")
    clock, may_shake_hands = FakeClock(), asyncio.Event()

    async def shake_hands_late(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        assert isinstance(writer.transport, asyncio.Transport)
        writer.transport.pause_reading()  # what is read before TLS begins is lost to it
        await may_shake_hands.wait()
        await writer.start_tls(of_server)
        await always_ok(server, reader, writer)

    async with talking_to(shake_hands_late) as (server, _):
        http = ConnectionPool(server.url.replace("http:", "https:"), max_idle_s=60, tls=of_client)
        write_by = Deadline(2.0, clock.monotonic)
        late = asyncio.create_task(http.send(REQUEST, timeout_s=60, write_by=write_by))
        await until(lambda: server.connections == 1)
        clock.advance(2.5)
        may_shake_hands.set()
        with pytest.raises(TooLateError):
            await late
        requests = server.requests
        # The connection was not opened in vain: the repeated request uses it.
        response = await http.send(REQUEST, timeout_s=60, write_by=Deadline(2.0, clock.monotonic))
        http.close()

        assert (requests, response.status, server.connections) == (0, 200, 1)


async def test_a_request_past_its_deadline_is_not_repeated() -> None:
    clock = FakeClock()

    async def drop_the_second_slowly(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await server.request(reader)
        writer.write(OK)
        await server.request(reader)
        clock.advance(2.5)

    async with talking_to(drop_the_second_slowly) as (server, http):
        await http.send(REQUEST, timeout_s=60, write_by=NO_HURRY)
        with pytest.raises(TooLateError):
            await http.send(REQUEST, timeout_s=60, write_by=Deadline(2.0, clock.monotonic))

        assert (server.connections, server.requests) == (2, 2)


async def test_a_request_fails_when_two_connections_end_without_a_response() -> None:
    async def drop(server: Server, reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await server.request(reader)

    async with talking_to(drop) as (server, http):
        with pytest.raises(ConnectionEndedError):
            await http.send(REQUEST, timeout_s=60, write_by=NO_HURRY)

        assert server.requests == 2


async def test_a_request_with_a_truncated_response_is_repeated_once() -> None:
    async def break_off_first(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await server.request(reader)
        if server.connections > 1:
            writer.write(OK)
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            await writer.drain()
            writer.close()

    async with talking_to(break_off_first) as (server, http):
        response = await http.send(REQUEST, timeout_s=60, write_by=NO_HURRY)

        assert (response.status, response.body, server.requests) == (200, b"", 2)


async def test_a_response_that_is_not_http_is_an_error_at_once() -> None:
    async def mumble(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await server.request(reader)
        writer.write(b"220 mail.example.com ESMTP\r\n\r\n")
        await server.release.wait()

    async with talking_to(mumble) as (server, http):
        with pytest.raises(HttpError, match="not HTTP"):
            await http.send(REQUEST, timeout_s=60, write_by=NO_HURRY)

        assert server.requests == 1


async def test_a_request_past_its_time_limit_fails_and_its_connection_is_closed() -> None:
    async def first_slow(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if server.connections == 1:
            await server.request(reader)
            await server.release.wait()
        await always_ok(server, reader, writer)

    async with talking_to(first_slow) as (server, http):
        with pytest.raises(TimeLimitError):
            await http.send(REQUEST, timeout_s=0.2, write_by=NO_HURRY)
        response = await http.send(REQUEST, timeout_s=60, write_by=NO_HURRY)

        assert (response.status, server.connections) == (200, 2)


async def test_a_cancelled_request_closes_its_connection() -> None:
    async def first_slow(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if server.connections == 1:
            await server.request(reader)
            arrived.set()
            await server.release.wait()
        await always_ok(server, reader, writer)

    arrived = asyncio.Event()
    async with talking_to(first_slow) as (server, http):
        sending = asyncio.create_task(http.send(REQUEST, timeout_s=60, write_by=NO_HURRY))
        await arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        response = await http.send(REQUEST, timeout_s=60, write_by=NO_HURRY)

        assert (response.status, server.connections) == (200, 2)


async def test_a_response_that_ends_with_its_connection_is_complete() -> None:
    async def old_fashioned(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await server.request(reader)
        writer.write(b"HTTP/1.0 410 Gone\r\n\r\nno more")
        await writer.drain()
        writer.close()

    async with talking_to(old_fashioned) as (server, http):
        responses = [await http.send(REQUEST, timeout_s=60, write_by=NO_HURRY) for _ in range(2)]

        assert [(one.status, one.body) for one in responses] == [(410, b"no more")] * 2
        assert server.connections == 2


async def test_pending_requests_fail_when_the_pool_is_closed() -> None:
    async def silent(server: Server, reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await server.request(reader)
        arrived.set()
        await server.release.wait()

    arrived = asyncio.Event()
    async with talking_to(silent) as (_, http):
        sending = asyncio.create_task(http.send(REQUEST, timeout_s=60, write_by=NO_HURRY))
        await arrived.wait()
        http.close()

        with pytest.raises(HttpError, match="closed by us"):
            await sending


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://no-such-host.invalid"])
async def test_an_unreachable_server_raises_unreachable_error(url: str) -> None:
    with pytest.raises(UnreachableError):
        await ConnectionPool(url, max_idle_s=60).send(REQUEST, timeout_s=60, write_by=NO_HURRY)


@pytest.mark.parametrize("url", ["ftp://host", "host:80", "https://", ""])
async def test_an_invalid_server_url_is_rejected_when_the_pool_is_created(url: str) -> None:
    with pytest.raises(ValueError, match="not a URL of a server"):
        ConnectionPool(url, max_idle_s=60)


async def test_https_works_with_a_trusted_certificate(tmp_path: Path) -> None:
    async with talking_to(always_ok, tls=certified(tmp_path, "127.0.0.1")) as (server, http):
        statuses = [
            (await http.send(REQUEST, timeout_s=60, write_by=NO_HURRY)).status for _ in range(3)
        ]

        assert (statuses, server.connections) == ([200] * 3, 1)


async def test_https_with_a_certificate_for_another_address_is_rejected(tmp_path: Path) -> None:
    async with talking_to(always_ok, tls=certified(tmp_path, "127.0.0.2")) as (server, http):
        with pytest.raises(UnreachableError, match="CERTIFICATE_VERIFY_FAILED"):
            await http.send(REQUEST, timeout_s=60, write_by=NO_HURRY)

        assert server.requests == 0


def certified(folder: Path, address: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Returns a server's TLS context for an address, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    chain, secret = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(pem)
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain, secret)
    return server, ssl.create_default_context(cadata=pem.decode())
