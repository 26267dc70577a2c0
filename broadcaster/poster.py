"""Posts messages to sockets through the API Gateway management API.

`POST {management_url}/@connections/{connection_id}` posts to one connection; there is no call for
many. So the HTTP connections are kept alive, requests and signatures are cheap to make, each post
has a time limit, and its result is one of the seven of `PostOutcome`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from broadcaster.connection_pool import HttpError, TimeLimitError, TooLateError
from broadcaster.http_response import HttpResponse
from broadcaster.sender import Payload, PostOutcome
from broadcaster.signing import Credentials, PostSigner
from rtdts.runtime import wall_clock
from rtdts.runtime.aws_errors import THROTTLING_CODES
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import Logger

_GONE: Final = 410
_TOO_MANY_REQUESTS: Final = 429
_LIMIT_EXCEEDED: Final = "LimitExceededException"
_SHOWN_BYTES: Final = 300
_NOTHING: Final = Payload.of(b"")


class CredentialsSource(Protocol):
    """Where credentials come from; never waits on the network."""

    def current(self) -> Credentials:
        """The credentials to sign with now."""


class Http(Protocol):
    """See `broadcaster.connection_pool.ConnectionPool`."""

    async def send(self, request: bytes, *, timeout_s: float, write_by: Deadline) -> HttpResponse:
        """Sends a request; raises `HttpError` when there is no response."""


class SocketPoster:
    """Posts to one WebSocket API's connections, and ends them.

    The caller bounds how many posts run at once.

    Args:
        signer: Signs for the same API.
        credentials: Read before each post.
        timeout_s: Limit of one post, connecting included.
        now_ms: Wall clock, for signatures.
    """

    def __init__(
        self,
        http: Http,
        signer: PostSigner,
        credentials: CredentialsSource,
        *,
        timeout_s: float,
        log: Logger,
        now_ms: Callable[[], int] = wall_clock.now_ms,
    ) -> None:
        self._http = http
        self._signer = signer
        self._credentials = credentials
        self._timeout_s = timeout_s
        self._log = log
        self._now_ms = now_ms

    async def post(self, connection_id: str, payload: Payload, write_by: Deadline) -> PostOutcome:
        """Posts one message; never raises because of a connection or the network.

        A message may arrive twice, since a request may be repeated; the receiver then drops it by
        its version.

        Args:
            connection_id: The connection to post to.
            payload: The message.
            write_by: No write of the message begins after this: its right is too old then.
        """
        return await self._send(
            self._request("POST", connection_id, payload), connection_id, write_by
        )

    async def end(self, connection_id: str) -> PostOutcome:
        """Ends a connection; `DELIVERED` if this call ended it, `GONE` if it had ended before.

        It never raises because of a connection or the network.
        """
        request = self._request("DELETE", connection_id, _NOTHING)
        return await self._send(request, connection_id, Deadline(self._timeout_s))

    async def _send(self, request: bytes, connection_id: str, write_by: Deadline) -> PostOutcome:
        try:
            response = await self._http.send(request, timeout_s=self._timeout_s, write_by=write_by)
        except TooLateError:
            return PostOutcome.TOO_LATE
        except HttpError as error:
            self._log.warning("post_failed", connection_id=connection_id, reason=repr(error))
            return PostOutcome.HUNG if isinstance(error, TimeLimitError) else PostOutcome.FAILED
        if response.status // 100 == 2:
            return PostOutcome.DELIVERED
        return self._classify(connection_id, response)

    def _request(self, method: str, connection_id: str, payload: Payload) -> bytes:
        signer = self._signer
        path = signer.path(connection_id)
        headers = signer.headers(
            path, payload, self._credentials.current(), self._now_ms(), method=method
        )
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        head = (
            f"{method} {path} HTTP/1.1\r\n"
            f"Host: {signer.host}\r\n"
            f"Content-Type: application/octet-stream\r\n"
            f"Content-Length: {len(payload.data)}\r\n"
            f"{lines}\r\n"
        )
        return head.encode("ascii") + payload.data

    def _classify(self, connection_id: str, response: HttpResponse) -> PostOutcome:
        if response.status == _GONE:
            return PostOutcome.GONE
        error_type = response.header("x-amzn-ErrorType").partition(":")[0]  # a URL may follow
        if error_type == _LIMIT_EXCEEDED or _LIMIT_EXCEEDED.encode() in response.body:
            return PostOutcome.THROTTLED  # or over quota: `GatewaySignals` decides which
        if response.status == _TOO_MANY_REQUESTS or error_type in THROTTLING_CODES:
            return PostOutcome.OVER_QUOTA
        self._log.warning(
            "post_rejected",
            connection_id=connection_id,
            status=response.status,
            body=response.body[:_SHOWN_BYTES].decode(errors="replace"),
        )
        return PostOutcome.FAILED
