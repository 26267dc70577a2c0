"""One TCP connection of the gateway: a client's socket, or a connection that posts to sockets.

The WebSocket protocol is that of the `websockets` library, but without its asyncio server, whose
tasks, queues and keep-alive per connection are too expensive for thousands of sockets.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, Protocol

from websockets.datastructures import Headers
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from sim.local_cloud.socket_gateway.admission import HandshakeFailure
from sim.local_cloud.socket_gateway.http_head import BadRequestError, read_head
from sim.local_cloud.socket_gateway.management import ManagementConnection, Serve
from sim.local_cloud.socket_gateway.settings import FRAME_BYTES, MESSAGE_BYTES

CLOSES_WITHIN_S: Final = 5.0
"""How long a client may take to acknowledge the closing of its socket."""
_SEND_BUFFER_BYTES: Final = 64 * 1024
"""The kernel's send buffer per socket: small, so that a slow client is detected soon."""


class SocketEvents(Protocol):
    """The events of a socket."""

    def requested(self, socket: ClientSocket, request: Request) -> None:
        """A client requests a socket: `accept` or `reject` it."""

    def message_received(self, socket: ClientSocket, message: str) -> None:
        """A client has sent a message."""

    def ended(self, socket: ClientSocket, code: int, reason: str) -> None:
        """The connection has ended, whether or not it was ever accepted."""


class ClientSocket(asyncio.Protocol):
    """A client's socket.

    Attributes:
        source_ip: The client's IP address.
        used_at_s: When the last byte was sent or received, on the event loop's clock.
    """

    def __init__(self, events: SocketEvents, transport: asyncio.Transport) -> None:
        self.source_ip: str = transport.get_extra_info("peername")[0]
        self._events = events
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self.used_at_s = self._loop.time()
        self._protocol = ServerProtocol(max_size=(MESSAGE_BYTES, FRAME_BYTES))
        self._handshake: Response | None = None
        self._parts: list[bytes] = []
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES
        )

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self._protocol.state is State.OPEN and not self._transport.is_closing()

    @property
    def waiting_bytes(self) -> int:
        """Bytes sent that the client has not read, without those in the kernel's buffer."""
        return self._transport.get_write_buffer_size()

    def accept(self) -> None:
        """Opens the socket."""
        assert self._handshake is not None  # noqa: S101 - only called after `requested`
        self._respond(self._handshake)

    def reject(self, refusal: HandshakeFailure, connection_id: str, request_id: str) -> None:
        """Responds to the handshake with an error status and the gateway's own body."""
        document = {
            "message": refusal.message,
            "connectionId": connection_id,
            "requestId": request_id,
        }
        body = json.dumps(document).encode()
        headers = Headers(
            {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                "Connection": "close",
                "x-amzn-RequestId": request_id,
            }
        )
        self._respond(Response(refusal.status, _phrase(refusal.status), headers, body))

    def send(self, data: bytes) -> None:
        """Sends a text message, unless the socket has closed meanwhile."""
        if self.is_open:
            self.used_at_s = self._loop.time()
            self._protocol.send_text(data)
            self._flush()

    def close(self, code: int, reason: str) -> None:
        """Closes the socket, by force when the client does not acknowledge it."""
        if self.is_open:
            self._protocol.send_close(code, reason)
            self._flush()
            self._loop.call_later(CLOSES_WITHIN_S, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self.used_at_s = self._loop.time()
        protocol = self._protocol
        protocol.receive_data(data)
        self._flush()
        for event in protocol.events_received():
            if isinstance(event, Request):
                self._request(event)
            elif isinstance(event, Frame):
                self._frame(event)

    def eof_received(self) -> None:
        """See `asyncio.Protocol`; the transport then closes itself."""
        self._protocol.receive_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        protocol = self._protocol
        protocol.receive_eof()
        by_us = protocol.close_sent if protocol.close_rcvd_then_sent is not True else None
        document = by_us or protocol.close_rcvd
        code = document.code if document else CloseCode.ABNORMAL_CLOSURE
        self._events.ended(self, int(code), document.reason if document else "")

    def _respond(self, response: Response) -> None:
        if not self._protocol.eof_sent:  # the client is still connected
            self._protocol.send_response(response)
            self._flush()

    def _request(self, request: Request) -> None:
        self._handshake = self._protocol.accept(request)
        if self._handshake.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self._events.requested(self, request)
        else:
            self.accept()  # for an invalid handshake this sends an error

    def _frame(self, frame: Frame) -> None:
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return  # the library has responded to it
        self._parts.append(bytes(frame.data))
        if not frame.fin:
            return
        message, self._parts = b"".join(self._parts), []
        try:
            self._events.message_received(self, message.decode())
        except UnicodeDecodeError:
            self._protocol.fail(CloseCode.INVALID_DATA)
            self._flush()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            else:  # empty data: the library has nothing more to send
                self._transport.close()


class GatewayProtocol(asyncio.Protocol):
    """A new connection; its first request determines its protocol.

    Args:
        events: Receives the events of sockets.
        serve: Handles all other requests.
    """

    def __init__(self, events: SocketEvents, serve: Serve) -> None:
        self._events = events
        self._serve = serve
        self._transport: asyncio.Transport | None = None
        self._buffer = b""

    @classmethod
    def factory(cls, events: SocketEvents, serve: Serve) -> Callable[[], GatewayProtocol]:
        """A protocol factory for `loop.create_server`."""
        return lambda: cls(events, serve)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = transport  # type: ignore[assignment] # the base type is too wide here

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        transport = self._transport
        assert transport is not None  # noqa: S101 - for the type checker: it was made
        self._buffer += data
        try:
            head = read_head(self._buffer)
        except BadRequestError:
            transport.abort()
            return
        if head is None:
            return
        becomes: ClientSocket | ManagementConnection
        if "upgrade" in head.headers:
            becomes = ClientSocket(self._events, transport)
        else:
            becomes = ManagementConnection(self._serve, transport)
        transport.set_protocol(becomes)
        becomes.data_received(self._buffer)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
