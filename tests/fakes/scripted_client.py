"""An AWS client whose responses are scripted: for what no emulator can be made to do."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tests.fakes.aws_limits import breach

# It stands for any client of the SDK, so it passes for each.
if TYPE_CHECKING:
    _Client = Any
else:
    _Client = object


class ScriptedClient(_Client):
    """Returns the next of its script for each call; an exception is raised.

    What is beyond AWS's hard limits is rejected, whatever the script says.

    Attributes:
        calls: Each call's operation and parameters, as they were at the time.
    """

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
    """An error as botocore raises it."""
    response: Any = {
        "Error": {"Code": code, "Message": code},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **more,
    }
    return ClientError(response, "Operation")


def cancelled(*codes: str) -> ClientError:
    """A cancelled transaction, with a code for each of its writes."""
    return client_error(
        "TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes]
    )
