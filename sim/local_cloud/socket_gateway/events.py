"""The events that API Gateway passes to the Lambdas of a WebSocket API. Pure.

Their format is that of tests/events, which follows AWS's documentation: "Set up a WebSocket API
integration request" and "The input to a REQUEST authorizer". A number in an authorizer's context
becomes text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from sim.local_cloud.socket_gateway.definitions import CONNECT, DISCONNECT


@dataclass(frozen=True, kw_only=True)
class Handshake:
    """A client's request to open a socket.

    Attributes:
        headers: The headers in their original order and spelling.
        query: The query string.
        source_ip: The client's IP address.
    """

    headers: Sequence[tuple[str, str]]
    query: str
    source_ip: str

    @property
    def lowered(self) -> dict[str, str]:
        """The headers by name in lower case."""
        return {name.lower(): value for name, value in self.headers}

    def fields(self, *, always_query: bool) -> dict[str, Any]:
        """Headers and query in the format of an event.

        Args:
            always_query: Whether to include empty fields without a query (an authorizer's event).
        """
        forwarded = [
            ("X-Forwarded-For", self.source_ip),
            ("X-Forwarded-Port", "443"),
            ("X-Forwarded-Proto", "https"),
        ]
        several: dict[str, list[str]] = {}
        for name, value in (*self.headers, *forwarded):
            several.setdefault(name, []).append(value)
        found: dict[str, Any] = {
            "headers": {name: values[-1] for name, values in several.items()},
            "multiValueHeaders": several,
        }
        query = parse_qs(self.query, keep_blank_values=True)
        if query or always_query:
            found["queryStringParameters"] = {name: values[-1] for name, values in query.items()}
            found["multiValueQueryStringParameters"] = query
        return found


@dataclass(frozen=True, kw_only=True)
class Connection:
    """The data of a connection that all its events contain."""

    connection_id: str
    api_id: str
    stage: str
    domain: str
    connected_at_ms: int
    source_ip: str
    user_agent: str

    def context(
        self, route_key: str, *, request_id: str, now_ms: int, authorizer: Mapping[str, str] | None
    ) -> dict[str, Any]:
        """The event's ``requestContext``."""
        known = {} if authorizer is None else {"authorizer": dict(authorizer)}
        kind = {CONNECT: "CONNECT", DISCONNECT: "DISCONNECT"}.get(route_key, "MESSAGE")
        return {
            "routeKey": route_key,
            **known,
            "eventType": kind,
            "extendedRequestId": request_id,
            "requestTime": _log_time(now_ms),
            "messageDirection": "IN",
            "stage": self.stage,
            "connectedAt": self.connected_at_ms,
            "requestTimeEpoch": now_ms,
            "identity": {"sourceIp": self.source_ip, "userAgent": self.user_agent},
            "requestId": request_id,
            "domainName": self.domain,
            "connectionId": self.connection_id,
            "apiId": self.api_id,
        }


def authorizer_event(
    context: Mapping[str, Any],
    handshake: Handshake,
    *,
    method_arn: str,
    stage_variables: Mapping[str, str],
) -> dict[str, Any]:
    """The event of a REQUEST authorizer."""
    return {
        "type": "REQUEST",
        "methodArn": method_arn,
        **handshake.fields(always_query=True),
        "stageVariables": dict(stage_variables),
        "requestContext": context,
    }


def connect_event(context: Mapping[str, Any], handshake: Handshake) -> dict[str, Any]:
    """The event of ``$connect``."""
    return {
        **handshake.fields(always_query=False),
        "requestContext": context,
        "isBase64Encoded": False,
    }


def message_event(context: Mapping[str, Any], body: str, message_id: str) -> dict[str, Any]:
    """The event of a message."""
    return {
        "requestContext": {**context, "messageId": message_id},
        "body": body,
        "isBase64Encoded": False,
    }


def disconnect_event(
    context: Mapping[str, Any], *, domain: str, code: int, reason: str
) -> dict[str, Any]:
    """The event of ``$disconnect``."""
    headers = {"Host": domain, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""}
    return {
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "requestContext": {**context, "disconnectStatusCode": code, "disconnectReason": reason},
        "isBase64Encoded": False,
    }


def _log_time(now_ms: int) -> str:
    return datetime.fromtimestamp(now_ms / 1_000, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
