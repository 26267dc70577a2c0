"""Runs one Lambda's handler, event after event. Started by the Python that the local AWS has.

    LAMBDA_TASK_ROOT=<unpacked zip> _HANDLER=<module>.<function> python -P lambda_worker.py

One line of JSON in, ``{"event", "request_id", "arn", "timeout_s"}``, one line out, ``{"result"}``
or ``{"error"}``; first ``{"result": "ready"}``. What the handler prints goes to standard error, its
log.
Only the standard library is imported: nothing of this project is in that Python.
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
    """What a handler is told of its invocation."""

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
        """Until the invocation is cut off."""
        return max(0, int((self._ends_at_s - time.time()) * 1_000))


def main() -> None:
    """Serves until its input ends."""
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
