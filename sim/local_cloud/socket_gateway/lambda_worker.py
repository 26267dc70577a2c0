"""Runs one Lambda's handler, event after event, on the Python of the local AWS.

    LAMBDA_TASK_ROOT=<unpacked zip> _HANDLER=<module>.<function> python -P lambda_worker.py

It reads one line of JSON, ``{"event", "request_id", "arn", "timeout_s"}``, and writes one line,
``{"result"}`` or ``{"error"}``; at start-up it writes ``{"result": "ready"}``. The handler's output
goes to standard error, its log.
It imports only the standard library: that Python does not contain this project.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from typing import Any


class Context:
    """The context that a handler receives with an invocation."""

    def __init__(self, request_id: str, arn: str, timeout_s: float) -> None:
        self.aws_request_id = request_id
        self.invoked_function_arn = arn
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = "$LATEST"
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = f"/aws/lambda/{self.function_name}"
        self.log_stream_name = ""
        self._ends_at_s = time.time() + timeout_s

    def get_remaining_time_in_millis(self) -> int:
        """Time until the limit of the invocation, in milliseconds."""
        return max(0, int((self._ends_at_s - time.time()) * 1_000))


def main() -> None:
    """Handles events until its input ends."""
    responses = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr

    def respond(**what: Any) -> None:
        responses.write(json.dumps(what) + "\n")
        responses.flush()

    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    module, _, function = os.environ["_HANDLER"].rpartition(".")
    try:
        handler = getattr(importlib.import_module(module.replace("/", ".")), function)
    except Exception as error:
        traceback.print_exc()
        respond(error=f"{type(error).__name__}: {error}")
        return
    respond(result="ready")
    for line in sys.stdin:
        requested = json.loads(line)
        try:
            context = Context(requested["request_id"], requested["arn"], requested["timeout_s"])
            respond(result=handler(requested["event"], context))
        except Exception as error:
            respond(error=str(error))


main()
