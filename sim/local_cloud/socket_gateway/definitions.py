"""The definition of a WebSocket API, and the route of a message. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

CONNECT: Final = "$connect"
DISCONNECT: Final = "$disconnect"
DEFAULT: Final = "$default"
_SELECTS_BY_BODY: Final = "$request.body."


@dataclass(frozen=True)
class FunctionError:
    """A Lambda that raised, timed out or could not be started.

    Attributes:
        message: The error's text.
    """

    message: str


@dataclass(frozen=True, kw_only=True)
class Authorizer:
    """A Lambda that decides which clients may connect.

    Attributes:
        function_arn: The Lambda.
        identity_sources: Expressions that must all be present, or the Lambda is not invoked.
    """

    function_arn: str
    identity_sources: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Route:
    """A route of messages.

    Attributes:
        function_arn: The Lambda.
        authorizer: The authorizer; only for ``$connect``.
        responds: Whether the Lambda's result is sent to the client.
    """

    function_arn: str
    authorizer: Authorizer | None = None
    responds: bool = False


@dataclass(frozen=True, kw_only=True)
class Api:
    """A WebSocket API."""

    api_id: str
    account: str
    region: str
    selection: str
    stages: Mapping[str, Mapping[str, str]]
    """The stages' variables by stage name."""
    routes: Mapping[str, Route] = field(default_factory=dict)

    def route_key(self, message: str) -> str:
        """The key of a message's route; ``$default`` when it names no existing route.

        A message that can't be parsed (no JSON, or nested too deep) takes the default route.
        """
        if not self.selection.startswith(_SELECTS_BY_BODY):
            return DEFAULT
        try:
            found: Any = json.loads(message)
            for name in self.selection.removeprefix(_SELECTS_BY_BODY).split("."):
                found = found[name]
        except (ValueError, KeyError, TypeError, IndexError, RecursionError):
            return DEFAULT
        key = found if isinstance(found, str) else json.dumps(found)
        is_own = key in self.routes and key not in (CONNECT, DISCONNECT)
        return key if is_own else DEFAULT

    def method_arn(self, stage: str, route_key: str) -> str:
        """The ARN with which a policy names a route."""
        return f"arn:aws:execute-api:{self.region}:{self.account}:{self.api_id}/{stage}/{route_key}"


def function_arn_of(integration_uri: str) -> str:
    """The Lambda's ARN in an integration's or authorizer's URI; the URI may be the ARN itself."""
    _, marker, rest = integration_uri.partition("/functions/")
    return rest.removesuffix("/invocations") if marker else integration_uri
