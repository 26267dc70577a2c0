"""An AWS client with scripted responses, for behaviour that no emulator can produce."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tests.fakes.aws_limits import breach

# One fake stands for any of the SDK's clients.
if TYPE_CHECKING:
    AnyClient = Any
else:
    AnyClient = object


class ConditionFailedError(ClientError):
    """A condition of the request was false."""


class ScriptedClient(AnyClient):
    """Returns the next response of its script for each call, or raises it if it is an exception.

    A request beyond AWS's hard limits is always rejected.

    Attributes:
        calls: Each call's operation and parameters, copied at the time of the call.
    """

    exceptions = SimpleNamespace(ConditionalCheckFailedException=ConditionFailedError)

    def __init__(self, *script: Any) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._script = list(script)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:
            self.calls.append((operation, copy.deepcopy(parameters)))
            if code := breach(operation, parameters):
                raise client_error(code)
            response = self._script.pop(0)
            if isinstance(response, Exception):
                raise response
            return response

        return call


def client_error(code: str, status: int = 400, **more: Any) -> ClientError:
    """Returns an error as botocore raises it."""
    response: Any = {
        "Error": {"Code": code, "Message": code},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **more,
    }
    kind = ConditionFailedError if code == "ConditionalCheckFailedException" else ClientError
    return kind(response, "Operation")


def cancelled(*codes: str) -> ClientError:
    """Returns the error of a cancelled transaction, with a code for each of its writes."""
    return client_error(
        "TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes]
    )
