"""ministack, corrected where RTDTS relies on AWS's behaviour. Run by ministack's own Python.

    BIND_HOST=127.0.0.1 GATEWAY_PORT=4566 <its venv>/bin/python <this file>

Eight corrections of ministack 1.5.33, each with a test that shows when it is no longer needed
(tests/integration/test_ministack_corrected.py, test_ministack_sequence_numbers.py,
test_ministack_transaction_tokens.py, test_ministack_expiry.py, test_ministack_rules.py,
test_ministack_connections.py). Its
WebSocket gateway is not used: docs/decisions/0031 says what would need correction there.

1. At most ``WORKERS_PER_FUNCTION`` workers per function; further invocations wait for one.
   ministack starts a Python process for each concurrent invocation, or throttles: on a developer's
   machine a thousand concurrent requests would start a thousand processes.
2. A shard iterator treats the sequence number as a number. ministack compares padded text, and the
   KCL checkpoints the number without its leading zeros: after a crash it would get an iterator at
   the stream's end, and lose all records since its checkpoint.
3. A transaction repeated under its token is recognised. ministack stores the request itself, in
   which it has meanwhile rewritten numbers (``100.0`` as ``100``). It would treat the SDK's retry
   after a lost response as another transaction under the same token, and reject it.
4. Expired records, shard iterators and deduplication ids are searched for once per second.
   ministack scans all of them at each Kinesis request, or each message to a FIFO queue: at a few
   hundred points or messages per second this took, after some minutes, a third to two thirds of its
   time, and everything else in it had to wait.
5. A rule of AWS IoT Core may write into a Kinesis stream; ministack does not support that action.
   Its partition key may be a substitution template with a function, for example ``topic(2)``.
6. A batch of a Kinesis stream is delivered again when a function reports failed items. ministack
   treats it as done. AWS repeats it from the first failed item on; this repeats the whole batch.
7. A device may get a certificate for a key of its own over MQTT (CreateCertificateFromCsr), as over
   HTTP.
8. A connection is not closed after a thousand requests. With the KCL's polls that happened every
   114 s. At most of these times all shards' records came ten seconds late, most likely because
   requests in progress got no response until the SDK's time limit.

It imports only the standard library and ministack: that Python does not contain this project.
"""

from __future__ import annotations

import base64
import collections
import contextvars
import copy
import json
import os
import re
import secrets
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

# Read when ministack is imported: it must not count waiting invocations, or it throttles.
os.environ.setdefault("LAMBDA_ACCOUNT_CONCURRENCY", "0")

from hypercorn.config import Config
from ministack import app
from ministack.services import dynamodb, iot, kinesis, lambda_svc, sqs

WORKERS_PER_FUNCTION = int(os.environ.get("WORKERS_PER_FUNCTION", "4"))
FIRST_ERROR = 400
SEQUENCE_NUMBER_DIGITS = 30
"""The number of digits to which ministack pads sequence numbers."""

EXPIRY_EVERY_S = 1.0
REQUESTS_PER_CONNECTION = 1_000_000_000
_FROM_CSR, _FROM_CSR_TOPIC = "create-from-csr", "$aws/certificates/create-from-csr/json"

_semaphores: dict[str, threading.Semaphore] = collections.defaultdict(
    lambda: threading.Semaphore(WORKERS_PER_FUNCTION)
)
_rule_topic: contextvars.ContextVar[str] = contextvars.ContextVar("rule_topic", default="")


def _one_at_a_time(execute: Callable[..., Any]) -> Callable[..., Any]:
    def execute_one(function: dict[str, Any], event: Any, request_id: str) -> Any:
        config = function.get("config") or function
        with _semaphores[config.get("FunctionName", "")]:
            return execute(function, event, request_id)

    return execute_one


def _from_the_number(start_position: Callable[..., int]) -> Callable[..., int]:
    def start_from_the_number(records: Any, kind: str, sequence: str, at: Any) -> int:
        return start_position(records, kind, sequence.zfill(SEQUENCE_NUMBER_DIGITS), at)

    return start_from_the_number


def _recording_request(write: Callable[..., Any]) -> Callable[..., Any]:
    def write_and_remember(request: dict[str, Any]) -> Any:
        token = request.get("ClientRequestToken")
        is_repeated = token is not None and dynamodb._txn_token_lookup(token) is not None
        requested = copy.deepcopy({k: v for k, v in request.items() if k != "ClientRequestToken"})
        response = write(request)
        remembered = None if is_repeated else dynamodb._txn_token_lookup(token)
        if remembered is not None:
            remembered["signature"] = requested
        return response

    return write_and_remember


def _now_and_then(expire: Callable[..., None]) -> Callable[..., None]:
    """Limits how often a function runs, separately for each collection that it expires."""
    done_at_s: dict[tuple[int, ...], float] = {}

    def expire_now_and_then(*what: Any) -> None:
        key, now_s = tuple(map(id, what)), time.monotonic()
        if now_s - done_at_s.get(key, float("-inf")) >= EXPIRY_EVERY_S:
            done_at_s[key] = now_s
            expire(*what)

    return expire_now_and_then


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
    """Evaluates a substitution template; only functions of the topic are supported."""
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


def _also_from_csr(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Wraps the reading of a topic of fleet provisioning."""

    def operation_of(topic: str) -> Any:
        return (_FROM_CSR, None) if topic == _FROM_CSR_TOPIC else parse(topic)

    return operation_of


def _signing_requests(
    reply: Callable[..., Awaitable[tuple[str, dict[str, Any]]]],
) -> Callable[..., Awaitable[tuple[str, dict[str, Any]]]]:
    """Wraps the replies of fleet provisioning."""

    async def reply_to(
        account_id: str,
        region: str,
        operation: str,
        template: str | None,
        payload: bytes,
        *more: Any,
    ) -> tuple[str, dict[str, Any]]:
        if operation != _FROM_CSR:
            return await reply(account_id, region, operation, template, payload, *more)
        with iot.request_scope(account_id, region):
            status, _, body = iot._create_certificate_from_csr(json.loads(payload), {})
            document = json.loads(body)
            if status >= FIRST_ERROR:
                rejected: dict[str, Any] = {"statusCode": status, "errorCode": "InvalidCsr"}
                return "rejected", rejected
            certificate_id, token = document["certificateId"], secrets.token_urlsafe(48)
            record = iot._certificates[certificate_id]
            iot._certificates[certificate_id] = {**record, "status": "PENDING_ACTIVATION"}
            iot._ownership_tokens[token] = {
                "certificateId": certificate_id,
                "expiration": time.time() + iot._OWNERSHIP_TOKEN_SECONDS,
            }
        del document["certificateArn"]
        return "accepted", {**document, "certificateOwnershipToken": token}

    return reply_to


def correct() -> None:
    """Applies the corrections; raises when ministack's internals have changed."""
    lambda_svc._execute_function_warm = _one_at_a_time(lambda_svc._execute_function_warm)
    kinesis._expire_iterators = _now_and_then(kinesis._expire_iterators)
    kinesis._expire_records = _now_and_then(kinesis._expire_records)
    Config.keep_alive_max_requests = REQUESTS_PER_CONNECTION
    sqs._prune_dedup = _now_and_then(sqs._prune_dedup)
    kinesis._start_position = _from_the_number(kinesis._start_position)
    lambda_svc._execute_function = _heeding_failed_items(lambda_svc._execute_function)
    iot._parse_fleet_provisioning_topic = _also_from_csr(iot._parse_fleet_provisioning_topic)
    iot._fleet_provisioning_reply = _signing_requests(iot._fleet_provisioning_reply)
    iot._run_rule_actions = _knowing_the_topic(iot._run_rule_actions)
    iot._dispatch_rule_action = _writing_into_streams(iot._dispatch_rule_action)
    dynamodb._transact_write_items = _recording_request(dynamodb._transact_write_items)


if __name__ == "__main__":
    correct()
    app.main()
