"""ministack, with what RTDTS relies on corrected to what AWS does. Run by ministack's own Python.

    BIND_HOST=127.0.0.1 GATEWAY_PORT=4566 <its venv>/bin/python <this file>

Four things of ministack 1.5.33, each with a test that says when one is no longer needed
(tests/integration/test_ministack_corrected.py, test_ministack_sequence_numbers.py,
test_ministack_transaction_tokens.py, test_ministack_expiry.py). Its WebSocket gateway is not used:
docs/decisions/0031 says what of that would need correction.

1. At most ``WORKERS_A_FUNCTION`` workers a function; further invocations wait for one. ministack
   starts a Python process for each concurrent invocation, or throttles: on a developer's machine a
   thousand requests at once would be a thousand processes.
2. A shard iterator starts at the sequence number as a number. ministack compares padded text, and
   the KCL checkpoints the number without its leading zeros: after a crash it would be given an
   iterator at the stream's end, and lose all that came since its checkpoint.
3. A transaction repeated under its token is recognised. ministack remembers the request itself,
   in which it has meanwhile rewritten numbers (``100.0`` as ``100``): it takes the SDK's retry
   after a lost answer for another transaction under the same token, and refuses it.
4. Old records and old shard iterators are looked for once a second. ministack goes through all of
   them at each request for Kinesis: under a few hundred points a second that took, after some
   minutes, two thirds of its time, and everything else in it waited.

Only the standard library and ministack are imported: nothing of this project is in that Python.
"""

from __future__ import annotations

import collections
import copy
import os
import threading
import time
from collections.abc import Callable
from typing import Any

# Read when ministack is imported: waiting for a turn must not be counted, or it throttles.
os.environ.setdefault("LAMBDA_ACCOUNT_CONCURRENCY", "0")

from ministack import app
from ministack.services import dynamodb, kinesis, lambda_svc

WORKERS_A_FUNCTION = int(os.environ.get("WORKERS_A_FUNCTION", "4"))
SEQUENCE_NUMBER_DIGITS = 30
"""As ministack writes them."""

EXPIRY_EVERY_S = 1.0

_turns: dict[str, threading.Semaphore] = collections.defaultdict(
    lambda: threading.Semaphore(WORKERS_A_FUNCTION)
)


def _in_turn(execute: Callable[..., Any]) -> Callable[..., Any]:
    def execute_in_turn(function: dict[str, Any], event: Any, request_id: str) -> Any:
        config = function.get("config") or function
        with _turns[config.get("FunctionName", "")]:
            return execute(function, event, request_id)

    return execute_in_turn


def _from_the_number(start_position: Callable[..., int]) -> Callable[..., int]:
    def start_from_the_number(records: Any, kind: str, sequence: str, at: Any) -> int:
        return start_position(records, kind, sequence.zfill(SEQUENCE_NUMBER_DIGITS), at)

    return start_from_the_number


def _remembering_what_was_asked(write: Callable[..., Any]) -> Callable[..., Any]:
    def write_and_remember(request: dict[str, Any]) -> Any:
        token = request.get("ClientRequestToken")
        is_repeated = token is not None and dynamodb._txn_token_lookup(token) is not None
        asked = copy.deepcopy({k: v for k, v in request.items() if k != "ClientRequestToken"})
        answer = write(request)
        remembered = None if is_repeated else dynamodb._txn_token_lookup(token)
        if remembered is not None:
            remembered["signature"] = asked
        return answer

    return write_and_remember


def _now_and_then(expire: Callable[..., None]) -> Callable[..., None]:
    """Of each thing that it expires, or as a whole where there is only one."""
    done_at_s: dict[tuple[int, ...], float] = {}

    def expire_now_and_then(*what: Any) -> None:
        key, now_s = tuple(map(id, what)), time.monotonic()
        if now_s - done_at_s.get(key, float("-inf")) >= EXPIRY_EVERY_S:
            done_at_s[key] = now_s
            expire(*what)

    return expire_now_and_then


def correct() -> None:
    """Puts the corrections in place; fails loudly when ministack's insides have moved."""
    lambda_svc._execute_function_warm = _in_turn(lambda_svc._execute_function_warm)
    kinesis._expire_iterators = _now_and_then(kinesis._expire_iterators)
    kinesis._expire_records = _now_and_then(kinesis._expire_records)
    kinesis._start_position = _from_the_number(kinesis._start_position)
    dynamodb._transact_write_items = _remembering_what_was_asked(dynamodb._transact_write_items)


if __name__ == "__main__":
    correct()
    app.main()
