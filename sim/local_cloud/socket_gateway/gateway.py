"""The gateway: authorizes and opens sockets, passes messages to Lambdas, posts to sockets."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import random
import re
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from urllib.parse import unquote

from websockets.http11 import Request

from sim.local_cloud.socket_gateway import events as lambda_events
from sim.local_cloud.socket_gateway.admission import (
    SERVER_ERROR,
    TOO_MANY,
    UNAUTHORIZED,
    HandshakeFailure,
    evaluate_connect,
    evaluate_policy,
    has_identity_sources,
)
from sim.local_cloud.socket_gateway.definitions import (
    CONNECT,
    DISCONNECT,
    Api,
    FunctionError,
)
from sim.local_cloud.socket_gateway.events import Connection, Handshake
from sim.local_cloud.socket_gateway.http_head import Head
from sim.local_cloud.socket_gateway.management import failed, http_response
from sim.local_cloud.socket_gateway.rates import TokenBucket
from sim.local_cloud.socket_gateway.settings import FRAME_BYTES, Settings
from sim.local_cloud.socket_gateway.signature import SignatureCheck, Unsigned
from sim.local_cloud.socket_gateway.sockets import ClientSocket

FORBIDDEN: Final = HandshakeFailure(403, "Forbidden")
GOING_AWAY: Final = 1001
NORMAL: Final = 1000
HEALTH_PATH: Final = "/ping"
"""The path that API Gateway reserves for health checks."""

_BASE: Final = re.compile(r"/_aws/execute-api/([^/]+)/([^/]+)(?:/@connections/([^/]+))?/?")
_CONNECTION_ID: Final = re.compile(r"[A-Za-z0-9_-]{15}=")
_SWEEP_S: Final = 1.0

_UNSIGNED: Final = {
    Unsigned.MISSING: "Missing Authentication Token",
    Unsigned.INCOMPLETE: "Authorization header requires 'Credential', 'SignedHeaders', 'Signature' "
    "and 'X-Amz-Date' parameters",
    Unsigned.UNKNOWN_KEY: "The security token included in the request is invalid.",
    Unsigned.WRONG: "The request signature we calculated does not match the signature you "
    "provided.",
}


class ApisPort(Protocol):
    """See `sim.local_cloud.socket_gateway.catalog.Catalog`."""

    async def api(self, api_id: str) -> Api | None:
        """An API; None when there is none; raises what its reading raises."""


class FunctionsPort(Protocol):
    """See `sim.local_cloud.socket_gateway.functions.Functions`."""

    async def invoke(self, arn: str, event: Mapping[str, Any], request_id: str) -> Any:
        """A function's result; a `FunctionError` when it fails."""


@dataclass(kw_only=True)
class _Open:
    """An open socket."""

    socket: ClientSocket
    connection: Connection
    api: Api
    authorizer: Mapping[str, str] | None
    opened_at_s: float
    posts: TokenBucket


class Gateway:
    """All sockets of one process.

    Args:
        settings: Its limits, and the credentials that may post.
        apis: The definitions of the APIs.
        functions: Runs Lambdas.
    """

    def __init__(self, settings: Settings, apis: ApisPort, functions: FunctionsPort) -> None:
        self._settings = settings
        self._apis = apis
        self._functions = functions
        self._loop = asyncio.get_running_loop()
        self._signatures = SignatureCheck(
            settings.access_key_id, settings.secret_access_key, settings.region
        )
        self._requests = TokenBucket(settings.requests_per_s, settings.request_burst)
        self._connects = TokenBucket(settings.connects_per_s, settings.connects_per_s)
        self._open: dict[str, _Open] = {}
        self._ids: dict[ClientSocket, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._open)

    async def keep_limits(self) -> None:
        """Closes sockets that are idle or open for too long; runs until cancelled."""
        idle_s, life_s = self._settings.idle_s, self._settings.life_s
        while True:
            await asyncio.sleep(min(_SWEEP_S, idle_s / 4, life_s / 4))
            now_s = self._loop.time()
            for one in tuple(self._open.values()):
                if now_s - one.socket.used_at_s >= idle_s or now_s - one.opened_at_s >= life_s:
                    one.socket.close(GOING_AWAY, "Going away")

    async def stop(self) -> None:
        """Closes all sockets, and waits for their ``$disconnect`` Lambdas."""
        for one in tuple(self._open.values()):
            one.socket.close(GOING_AWAY, "Going away")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)

    # Events of sockets.

    def requested(self, socket: ClientSocket, request: Request) -> None:
        """A client requests a socket."""
        self._start(self._admit(socket, request))

    def message_received(self, socket: ClientSocket, message: str) -> None:
        """A client has sent a message."""
        one = self._open.get(self._ids.get(socket, ""))
        if one is not None:
            self._start(self._handle(one, message))

    def ended(self, socket: ClientSocket, code: int, reason: str) -> None:
        """A connection has ended."""
        one = self._open.pop(self._ids.pop(socket, ""), None)
        if one is not None:
            self._start(self._disconnect(one, code, reason))

    async def _admit(self, socket: ClientSocket, request: Request) -> None:
        connection_id, request_id = _new_id(), _new_id()
        try:
            admitted = await self._decide(socket, request, connection_id, request_id)
        except Exception as error:
            # Whatever it was, the client gets a response instead of waiting for one. The query is
            # not printed: it may have a ticket.
            target = request.path.partition("?")[0]
            print(f"socket gateway: {target} can't be admitted: {error!r}", flush=True)
            admitted = SERVER_ERROR
        if isinstance(admitted, HandshakeFailure):
            socket.reject(admitted, connection_id, request_id)
            return
        self._open[connection_id] = admitted
        self._ids[socket] = connection_id
        socket.accept()
        if not socket.is_open:  # the client has disconnected meanwhile
            socket_id = self._ids.pop(socket, None)
            if socket_id is not None and self._open.pop(socket_id, None) is not None:
                await self._disconnect(admitted, 1006, "")

    async def _decide(
        self, socket: ClientSocket, request: Request, connection_id: str, request_id: str
    ) -> _Open | HandshakeFailure:
        target, _, query = request.path.partition("?")
        found = _BASE.fullmatch(target)
        api = await self._apis.api(found[1]) if found else None
        if found is None or api is None or found[2] not in api.stages:
            return FORBIDDEN
        if not self._connects.try_acquire(self._loop.time()):
            return TOO_MANY
        handshake = Handshake(
            headers=tuple(request.headers.raw_items()), query=query, source_ip=socket.source_ip
        )
        connection = Connection(
            connection_id=connection_id,
            api_id=api.api_id,
            stage=found[2],
            domain=f"{api.api_id}.execute-api.{api.region}.amazonaws.com",
            connected_at_ms=_now_ms(),
            source_ip=socket.source_ip,
            user_agent=handshake.lowered.get("user-agent", ""),
        )
        decided = await self._connect(api, connection, handshake, request_id)
        if isinstance(decided, HandshakeFailure):
            return decided
        (authorizer,) = decided
        return _Open(
            socket=socket,
            connection=connection,
            api=api,
            authorizer=authorizer,
            opened_at_s=self._loop.time(),
            posts=TokenBucket(self._settings.posts_per_s, self._settings.post_burst),
        )

    async def _connect(
        self, api: Api, connection: Connection, handshake: Handshake, request_id: str
    ) -> tuple[Mapping[str, str] | None] | HandshakeFailure:
        """The authorizer's context, if there is an authorizer, or why the socket is rejected."""
        route = api.routes.get(CONNECT)
        if route is None:
            return (None,)
        authorizer = None
        if route.authorizer is not None:
            variables = api.stages[connection.stage]
            if not has_identity_sources(
                route.authorizer.identity_sources, handshake.lowered, handshake.query, variables
            ):
                return UNAUTHORIZED
            method_arn = api.method_arn(connection.stage, CONNECT)
            context = self._context(connection, CONNECT, request_id, None)
            event = lambda_events.authorizer_event(
                context, handshake, method_arn=method_arn, stage_variables=variables
            )
            response = await self._functions.invoke(
                route.authorizer.function_arn, event, request_id
            )
            if not isinstance(response, Mapping | FunctionError):
                response = {}
            decided = evaluate_policy(response, method_arn)
            if isinstance(decided, HandshakeFailure):
                return decided
            authorizer = decided
        context = self._context(connection, CONNECT, request_id, authorizer)
        response = await self._functions.invoke(
            route.function_arn, lambda_events.connect_event(context, handshake), request_id
        )
        return evaluate_connect(response) or (authorizer,)

    async def _handle(self, one: _Open, message: str) -> None:
        request_id = _new_id()
        key = one.api.route_key(message)
        route = one.api.routes.get(key)
        if not self._requests.try_acquire(self._loop.time()):
            self._send(one, TOO_MANY.message, request_id)
            return
        if route is None:
            self._send(one, FORBIDDEN.message, request_id)
            return
        context = self._context(one.connection, key, request_id, one.authorizer)
        event = lambda_events.message_event(context, message, _new_id())
        response = await self._functions.invoke(route.function_arn, event, request_id)
        if isinstance(response, FunctionError):
            self._send(one, "Internal server error", request_id)
        elif route.responds and isinstance(response, Mapping):
            body = response.get("body", "")
            one.socket.send((body if isinstance(body, str) else json.dumps(body)).encode())

    async def _disconnect(self, one: _Open, code: int, reason: str) -> None:
        route = one.api.routes.get(DISCONNECT)
        if route is None:
            return
        request_id = _new_id()
        context = self._context(one.connection, DISCONNECT, request_id, one.authorizer)
        event = lambda_events.disconnect_event(
            context, domain=one.connection.domain, code=code, reason=reason
        )
        await self._functions.invoke(route.function_arn, event, request_id)

    def _context(
        self,
        connection: Connection,
        route_key: str,
        request_id: str,
        authorizer: Mapping[str, str] | None,
    ) -> dict[str, Any]:
        return connection.context(
            route_key, request_id=request_id, now_ms=_now_ms(), authorizer=authorizer
        )

    def _send(self, one: _Open, message: str, request_id: str) -> None:
        """Sends a message of the gateway itself to a client."""
        document = {
            "message": message,
            "connectionId": one.connection.connection_id,
            "requestId": request_id,
        }
        one.socket.send(json.dumps(document).encode())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # HTTP requests.

    def serve(self, head: Head, body: bytes) -> bytes:
        """Handles a request to ``@connections``."""
        request_id = f"{next(self._numbers):08x}-0000-4000-8000-000000000000"
        if head.path == HEALTH_PATH:
            return http_response(200, request_id=request_id, body=b'"healthy"')
        found = _BASE.fullmatch(unquote(head.path))
        if found is None or found[3] is None:
            kind = Unsigned.MISSING
            return failed(403, kind.value, _UNSIGNED[kind], request_id=request_id)
        problem = self._signatures.problem(head, body, time.time())
        if problem is not None:
            return failed(403, problem.value, _UNSIGNED[problem], request_id=request_id)
        if not self._requests.try_acquire(self._loop.time()):
            return failed(429, "TooManyRequestsException", TOO_MANY.message, request_id=request_id)
        connection_id = found[3]
        if not _CONNECTION_ID.fullmatch(connection_id):
            document = f"Invalid connectionId: {connection_id}"
            return failed(400, "BadRequestException", document, request_id=request_id)
        one = self._open.get(connection_id)
        if (
            one is None
            or not one.socket.is_open
            or (one.api.api_id, one.connection.stage) != (found[1], found[2])
        ):
            return failed(410, "GoneException", None, request_id=request_id)
        match head.method:
            case "POST":
                return self._post(one, body, request_id)
            case "GET":
                return self._describe(one, request_id)
            case "DELETE":
                one.socket.close(NORMAL, "")
                return http_response(204, request_id=request_id)
            case _:
                kind = Unsigned.MISSING
                return failed(403, kind.value, _UNSIGNED[kind], request_id=request_id)

    def _post(self, one: _Open, body: bytes, request_id: str) -> bytes:
        settings = self._settings
        if len(body) > FRAME_BYTES:
            return failed(
                413, "PayloadTooLargeException", "Message too long", request_id=request_id
            )
        if (
            not one.posts.try_acquire(self._loop.time())
            or one.socket.waiting_bytes > settings.client_buffer_bytes
        ):
            return failed(429, "LimitExceededException", None, request_id=request_id)
        if not body.isascii():
            body = body.decode(errors="replace").encode()
        if settings.disorder_ms:
            delay_s = random.uniform(0, settings.disorder_ms / 1_000)
            self._loop.call_later(delay_s, one.socket.send, body)
        else:
            one.socket.send(body)
        return http_response(200, request_id=request_id)

    def _describe(self, one: _Open, request_id: str) -> bytes:
        idle_s = self._loop.time() - one.socket.used_at_s
        connected_s = one.connection.connected_at_ms / 1_000
        document = {
            "connectedAt": _instant(connected_s),
            "identity": {
                "sourceIp": one.connection.source_ip,
                "userAgent": one.connection.user_agent,
            },
            "lastActiveAt": _instant(time.time() - idle_s),
        }
        return http_response(200, request_id=request_id, body=json.dumps(document).encode())


def _new_id() -> str:
    """An id of a connection or request in API Gateway's format."""
    return base64.urlsafe_b64encode(os.urandom(11)).decode()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _instant(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
