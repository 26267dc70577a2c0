"""ministack, with what RTDTS relies on corrected to what AWS does. Run by ministack's own Python.

    BIND_HOST=127.0.0.1 GATEWAY_PORT=4566 <its venv>/bin/python <this file>

Eleven things of ministack 1.5.33, each with a test in tests/integration/test_ministack_corrected.py
(4, 5 and 8 in test_ministack_sequence_numbers.py, test_ministack_transaction_tokens.py and
test_ministack_expiry.py, 10 and 11 in test_ministack_rules.py) that says when one is no longer
needed:

1. A WebSocket authorizer that raises ``Exception("Unauthorized")`` is answered with 401, as API
   Gateway documents; ministack says 500.
2. Each invocation for a WebSocket takes a worker of its own. ministack runs all of them through
   one, so that one slow handler delays every viewer.
3. At most ``WORKERS_A_FUNCTION`` workers a function; the rest wait their turn. ministack starts a
   Python process for each concurrent invocation, or throttles: on a developer's machine a thousand
   sockets opened at once would be a thousand processes.
4. A shard iterator starts at the sequence number as a number. ministack compares padded text, and
   the KCL checkpoints the number without its leading zeros: after a crash it would be given an
   iterator at the stream's end, and lose all that came since its checkpoint.
5. A transaction repeated under its token is recognised. ministack remembers the request itself,
   in which it has meanwhile rewritten numbers (``100.0`` as ``100``): it takes the SDK's retry
   after a lost answer for another transaction under the same token, and refuses it.
6. What a handler writes when it is invoked for a WebSocket is in its log. ministack drops it.
7. A message nested too deep to be read goes to ``$default``, as one that is no JSON at all does;
   at ministack it ends the socket.
8. Old records and old shard iterators are looked for once a second. ministack goes through all of
   them at each request for Kinesis: under a few hundred points a second that took, after some
   minutes, two thirds of its time, and everything else in it waited.
9. What ``$connect`` answers with another status than 2xx is the status of the refusal. ministack
   says 403 whatever it was.
10. A rule of AWS IoT Core may write into a Kinesis stream; ministack leaves that action out. Its
    partition key may be a substitution template of a function, as of ``topic(2)``.
11. A batch of a Kinesis stream of which a function reports items as failed comes again. ministack
    takes it for done. AWS repeats it from the first failed item on, this repeats it whole.

Only the standard library and ministack are imported: nothing of this project is in that Python.
"""

from __future__ import annotations

import base64
import collections
import contextvars
import copy
import json
import os
import re
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

# Read when ministack is imported: waiting for a turn must not be counted, or it throttles.
os.environ.setdefault("LAMBDA_ACCOUNT_CONCURRENCY", "0")

from ministack import app
from ministack.core import lambda_runtime
from ministack.services import apigateway, dynamodb, iot, kinesis, lambda_svc

WORKERS_A_FUNCTION = int(os.environ.get("WORKERS_A_FUNCTION", "4"))
UNAUTHORIZED = "Unauthorized"
SERVER_ERROR = 500
FIRST_ERROR = 400
DEFAULT_ROUTE = "$default"
SEQUENCE_NUMBER_DIGITS = 30
"""As ministack writes them."""

EXPIRY_EVERY_S = 1.0

_turns: dict[str, threading.Semaphore] = collections.defaultdict(
    lambda: threading.Semaphore(WORKERS_A_FUNCTION)
)
_rule_topic: contextvars.ContextVar[str] = contextvars.ContextVar("rule_topic", default="")
_heard: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar("heard", default=None)


class _WorkerOfItsOwn:
    """Stands where ministack expects a worker; takes a free one for each invocation."""

    def __init__(self, name: str, config: dict[str, Any], code: bytes, qualifier: str) -> None:
        self._named = (name, config, code)
        self._qualifier = qualifier

    def invoke(self, event: Any, request_id: str, **more: Any) -> Any:
        with _turns[self._named[0]]:
            worker, _ = lambda_runtime.acquire_worker(*self._named, qualifier=self._qualifier)
            started_s = time.monotonic()
            try:
                result = worker.invoke(event, request_id, **more)
            finally:
                lambda_runtime.release_worker(worker)
        lambda_svc._emit_lambda_logs(
            {"config": self._named[1]},
            request_id,
            result.get("log", ""),
            result.get("status") == "error",
            round((time.monotonic() - started_s) * 1_000),
        )
        return result


def _worker_of_its_own(
    name: str, config: dict[str, Any], code: bytes, qualifier: str = "$LATEST"
) -> _WorkerOfItsOwn:
    return _WorkerOfItsOwn(name, config, code, qualifier)


def _in_turn(execute: Callable[..., Any]) -> Callable[..., Any]:
    def execute_in_turn(function: dict[str, Any], event: Any, request_id: str) -> Any:
        config = function.get("config") or function
        with _turns[config.get("FunctionName", "")]:
            return execute(function, event, request_id)

    return execute_in_turn


def _hearing_unauthorized(execute: Callable[..., Any]) -> Callable[..., Any]:
    # The authorizer's error is lost between here and the refusal. This runs on a thread with a
    # copy of the handshake's context: what both share is the list, not the variable.
    def execute_and_hear(*args: Any, **more: Any) -> Any:
        result = execute(*args, **more)
        heard = _heard.get()
        body = (result or {}).get("body") if (result or {}).get("error") else None
        if (
            heard is not None
            and isinstance(body, dict)
            and body.get("errorMessage") == UNAUTHORIZED
        ):
            heard.append(UNAUTHORIZED)
        return result

    return execute_and_hear


def _answering_401(authorize: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def authorize_connect(*args: Any, **more: Any) -> Any:
        heard: list[str] = []
        token = _heard.set(heard)
        try:
            refusal, context = await authorize(*args, **more)
        finally:
            _heard.reset(token)
        if refusal and refusal[0] == SERVER_ERROR and UNAUTHORIZED in heard:
            return (401, UNAUTHORIZED), None
        return refusal, context

    return authorize_connect


def _with_deep_ones_by_default(select: Callable[[str, str], str]) -> Callable[[str, str], str]:
    def select_route(expression: str, payload: str) -> str:
        try:
            return select(expression, payload)
        except RecursionError:
            return DEFAULT_ROUTE

    return select_route


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


class _ConnectRefusedError(Exception):
    """A handler of ``$connect`` does not want the socket."""

    def __init__(self, status: int, connection_id: str, request_id: str) -> None:
        super().__init__(status)
        self.refusal = (status, "", connection_id, request_id)


def _refusing_by_status(invoke: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def invoke_or_refuse(*args: Any, **more: Any) -> Any:
        connection_id, event_type, request_id = args[5:8]
        response = await invoke(*args, **more)
        status = int((response or {}).get("statusCode", 200))
        if event_type == "CONNECT" and not 200 <= status < 300:
            raise _ConnectRefusedError(status, connection_id, request_id)
        return response

    return invoke_or_refuse


def _answering_refusals(handle: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def handle_or_refuse(
        scope: Any, receive: Any, send: Any, *args: Any, **more: Any
    ) -> None:
        try:
            await handle(scope, receive, send, *args, **more)
        except _ConnectRefusedError as refused:
            await apigateway._refuse_ws_handshake(scope, send, *refused.refusal)

    return handle_or_refuse


def _knowing_the_topic(run: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def run_rule_actions(
        account_id: str, region: str, rule: Any, payload: bytes, topic: str = "", *more: Any
    ) -> None:
        token = _rule_topic.set(topic)
        try:
            await run(account_id, region, rule, payload, topic, *more)
        finally:
            _rule_topic.reset(token)

    return run_rule_actions


def _substituted(template: str) -> str:
    """A substitution template; only functions of the topic are known here."""
    return re.sub(
        r"\$\{([^}]*)\}",
        lambda found: str(iot._eval_select_expr(found[1], _rule_topic.get(), b"", {})),
        template,
    )


def _writing_into_streams(
    dispatch: Callable[..., Awaitable[None]],
) -> Callable[..., Awaitable[None]]:
    async def dispatch_rule_action(
        account_id: str, region: str, rule_name: str, action: dict[str, Any], event: Any
    ) -> None:
        spec = action.get("kinesis")
        if spec is None:
            await dispatch(account_id, region, rule_name, action, event)
            return
        with iot.request_scope(account_id, region):
            status, _, body = kinesis._put_record(
                {
                    "StreamName": spec["streamName"],
                    "PartitionKey": _substituted(spec["partitionKey"]),
                    "Data": base64.b64encode(json.dumps(event).encode()).decode(),
                }
            )[:3]
        if status >= FIRST_ERROR:
            raise RuntimeError(f"Kinesis PutRecord failed with status {status}: {body!r}")

    return dispatch_rule_action


def _heeding_failed_items(execute: Callable[..., Any]) -> Callable[..., Any]:
    def execute_function(function: dict[str, Any], event: Any) -> Any:
        result = execute(function, event)
        records = event.get("Records") if isinstance(event, dict) else None
        if not records or records[0].get("eventSource") != "aws:kinesis" or result.get("error"):
            return result
        body = result.get("body")
        body = json.loads(body) if isinstance(body, str | bytes) and body else body
        if isinstance(body, dict) and body.get("batchItemFailures"):
            failed = {"errorType": "BatchItemFailures", "errorMessage": json.dumps(body)}
            return {**result, "error": True, "body": failed}
        return result

    return execute_function


def correct() -> None:
    """Puts the corrections in place; fails loudly when ministack's insides have moved."""
    lambda_runtime.get_or_create_worker = _worker_of_its_own
    lambda_svc._execute_function_warm = _in_turn(lambda_svc._execute_function_warm)
    lambda_svc._execute_function_with_config_scope = _hearing_unauthorized(
        lambda_svc._execute_function_with_config_scope
    )
    apigateway._authorize_ws_connect = _answering_401(apigateway._authorize_ws_connect)
    apigateway._invoke_ws_lambda = _refusing_by_status(apigateway._invoke_ws_lambda)
    apigateway.handle_websocket = _answering_refusals(apigateway.handle_websocket)
    apigateway._evaluate_route_selection = _with_deep_ones_by_default(
        apigateway._evaluate_route_selection
    )
    kinesis._expire_iterators = _now_and_then(kinesis._expire_iterators)
    kinesis._expire_records = _now_and_then(kinesis._expire_records)
    kinesis._start_position = _from_the_number(kinesis._start_position)
    lambda_svc._execute_function = _heeding_failed_items(lambda_svc._execute_function)
    iot._run_rule_actions = _knowing_the_topic(iot._run_rule_actions)
    iot._dispatch_rule_action = _writing_into_streams(iot._dispatch_rule_action)
    dynamodb._transact_write_items = _remembering_what_was_asked(dynamodb._transact_write_items)


if __name__ == "__main__":
    correct()
    app.main()
