"""The running HTTP API against its own document: each response is a documented one."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Err
from schemathesis.openapi import from_path
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from sim.local_cloud.launch import LaunchedCloud
from tests.fuzz.conftest import IDENTITIES, Amount
from tests.support.source_tree import ROOT
from tests.support.waiting import DEADLINE_S

pytestmark = pytest.mark.real

ROLES = [*IDENTITIES, "anonymous"]
OPEN_PATHS = ("/phones/", "/shares/tickets")
PROMISES = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
THE_GATEWAYS_OWN = (401, 404, 429)
"""Besides 5xx, which nothing here may bring about."""


def operations() -> Iterator[APIOperation[Any, Any, Any, Any]]:
    for found in from_path(str(ROOT / "docs" / "openapi.yaml")).get_all_operations():
        if isinstance(found, Err):
            raise found.err()
        yield found.ok()


OPERATIONS = {operation.label: operation for operation in operations()}
DELIVERIES = st.sampled_from(["D-fuzz-1", "D-fuzz-2", "D-fuzz-3"])
WEIGHTS = {"truck": 0.28, "customer": 0.2, "dispatcher": 0.5, "anonymous": 0.02}


def instant_now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def aimed(case: Case, draw: Callable[[Any], Any]) -> Case:
    """The same case, at things that exist: at random hardly any would ever be met."""
    if isinstance(case.path_parameters, dict) and "delivery_id" in case.path_parameters:
        case.path_parameters["delivery_id"] = draw(DELIVERIES)
    if isinstance(case.path_parameters, dict) and "truck_id" in case.path_parameters:
        case.path_parameters["truck_id"] = IDENTITIES["truck"]
    if isinstance(case.query, dict) and "customer_id" in case.query:
        case.query = {"customer_id": IDENTITIES["customer"]}
    body = copy.deepcopy(case.body)
    points = body.get("positions", [body]) if isinstance(body, dict) else []
    for one in [body, *points] if isinstance(points, list) else [body]:
        if not isinstance(one, dict):
            continue
        if "truck_id" in one:
            one["truck_id"] = IDENTITIES["truck"]
        if "customer_id" in one:
            one["customer_id"] = IDENTITIES["customer"]
        if "recorded_at" in one and draw(st.booleans()):
            one["recorded_at"] = instant_now()
    case.body = body
    return case


@st.composite
def cases(draw: Callable[[Any], Any], operation: schemathesis.APIOperation) -> Case:
    mode = draw(st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE]))
    case: Case = draw(operation.as_strategy(mode))
    return aimed(case, draw) if draw(st.booleans()) else case


def is_the_gateways_own(status: int, media_type: str, text: str) -> bool:
    if status not in THE_GATEWAYS_OWN or not media_type.startswith("application/json"):
        return False
    return set(json.loads(text)) == {"message"}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("label", OPERATIONS)
def test_every_response_is_one_that_the_document_promises(
    label: str,
    role: str,
    local_cloud: LaunchedCloud,
    token_of: Callable[[str], str],
    amount: Amount,
) -> None:
    session = requests.Session()
    headers = {} if role == "anonymous" else {"Authorization": f"Bearer {token_of(role)}"}

    @amount.share(0.8 * WEIGHTS[role] / len(OPERATIONS))
    @given(cases(OPERATIONS[label]))
    def send(case: Case) -> None:
        response = case.call(
            base_url=local_cloud.environment.server_url, session=session, headers=headers
        )

        media_type = " ".join(response.headers.get("content-type", []))
        if role == "anonymous":
            # A credential of another kind may stand in the body, which is then read first.
            rejections = {
                "/phones/": (400, 401, 404, 413),
                "/shares/tickets": (400, 404, 429),
            }.get(next((path for path in OPEN_PATHS if path in label), ""), (401, 404))
            assert response.status_code in rejections, case.as_curl_command(headers)
        if not is_the_gateways_own(response.status_code, media_type, response.text):
            case.validate_response(response, checks=PROMISES, headers=headers)
        assert "Traceback" not in response.text, case.as_curl_command(headers)

    send()


# What generators of valid and nearly valid JSON never come to.
NASTY_LEAVES = [
    "NaN", "-Infinity", "1e999", "-0", "1e-320", "9" * 5_000, "0." + "3" * 5_000, '"\\ud800"',
    '"\\u0000"', '"' + "x" * 70_000 + '"', '"\\ud83d\\ude9a"', '""', "null", "[]", "{}", "true",
    "[" * 3_000, "[" * 3_000 + "]" * 3_000, '{"a":' * 3_000 + "1" + "}" * 3_000, "{'a':1}", "",
]  # fmt: skip
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/telemetry"): {
        "truck_id": IDENTITIES["truck"], "recorded_at": "2026-11-24T06:52:48.120Z",
        "lat": 35.1, "lon": 129.1, "seq": 1, "speed_mps": 3.0,
    },
    ("PUT", "/deliveries/D-fuzz-1"): {
        "truck_id": IDENTITIES["truck"], "customer_id": IDENTITIES["customer"],
        "origin": {"lat": 35.1, "lon": 129.1}, "destination": {"lat": 35.2, "lon": 129.1},
        "window": {"start": "2026-11-24T09:00:00.000Z", "end": "2026-11-24T10:00:00.000Z"},
    },
    ("POST", "/deliveries/D-fuzz-1/events"): {
        "type": "failed", "at": "2026-11-24T09:31:07.000Z", "note": "n", "proof": "p",
        "failure_code": "nobody_home",
    },
    ("POST", "/deliveries/D-fuzz-1/shares"): {"expires_in_s": 3600},
    ("POST", "/shares/tickets"): {"token": "D-fuzz-1~" + "x" * 43},
}  # fmt: skip
EXPECTED = (200, 201, 202, 400, 403, 409, 413)
CONTENT_TYPES = ["application/json", "application/gzip", "text/plain", "application/json; é", ""]


@st.composite
def corrupt(draw: Callable[[Any], Any], good: dict[str, Any]) -> bytes:
    """A good body with one value, one byte or its end corrupted; or no body of ours at all."""
    how = draw(st.sampled_from(["leaf", "unknown", "byte", "end", "batch", "bytes", "gzip"]))
    text = json.dumps(good)
    whole = text.encode()
    leaf = draw(st.sampled_from(NASTY_LEAVES))
    if how == "leaf":
        name = draw(st.sampled_from(sorted(good)))
        whole = text.replace(json.dumps(good[name]), leaf, 1).encode()
    elif how == "unknown":
        whole = f'{{"unknown":{leaf},{text[1:]}'.encode()
    elif how == "byte":
        place = draw(st.integers(0, len(whole) - 1))
        whole = whole[:place] + draw(st.binary(min_size=1, max_size=3)) + whole[place + 1 :]
    elif how == "end":
        whole = whole[: draw(st.integers(0, len(whole)))]
    elif how == "batch":
        points = ",".join([text, leaf or "0", text] * draw(st.sampled_from([1, 3, 170])))
        whole = f'{{"positions":[{points}]}}'.encode()
    elif how == "bytes":
        whole = draw(st.binary(max_size=2_000))
    else:
        packed = gzip.compress(draw(st.sampled_from([whole, b"\0" * 20_000_000])), compresslevel=1)
        whole = packed[: draw(st.sampled_from([len(packed), len(packed) // 2, 12]))]
    return whole


@pytest.mark.parametrize(("method", "path"), BODIES, ids=map(" ".join, BODIES))
def test_no_body_brings_out_a_fault(
    method: str,
    path: str,
    local_cloud: LaunchedCloud,
    token_of: Callable[[str], str],
    amount: Amount,
) -> None:
    session = requests.Session()
    role = "truck" if path == "/telemetry" else "dispatcher"
    url = local_cloud.environment.server_url + path

    @amount.share(0.2 / len(BODIES))
    @given(corrupt(BODIES[method, path]), st.sampled_from(CONTENT_TYPES), st.text(max_size=20))
    def send(body: bytes, content_type: str, key: str) -> None:
        headers: dict[str, str | bytes] = {
            "Authorization": f"Bearer {token_of(role)}",
            "Content-Type": content_type.encode(),
            # As much of it as a header can carry.
            "Idempotency-Key": "".join(c for c in key if c.isprintable()).strip().encode(),
        }
        response = session.request(method, url, data=body, headers=headers, timeout=DEADLINE_S)

        # A share's token that opens nothing, and too often; a delivery that is not there.
        more = (404, 429) if "shares" in path else ()
        assert response.status_code in (*EXPECTED, *more), (body[:500], response.text)
        assert "Traceback" not in response.text

    send()
