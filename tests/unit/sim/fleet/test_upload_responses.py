"""What each response of the service, or of the gateway before it, means for a batch."""

import json
from typing import Any

import pytest

from sim.fleet.upload_responses import UploadResponse, interpret
from tests.support.fleet import BATCH


def response(status: int, body: Any = None, **headers: str) -> UploadResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return UploadResponse(status, named, b"" if body is None else json.dumps(body).encode())


def test_points_not_rejected_by_a_202_are_never_sent_again() -> None:
    body = {
        "accepted": 4,
        "rejected": [{"index": 2, "field": "lat", "reason": "range"}],
        "adjusted": [],
    }
    result = interpret(response(202, body), BATCH)

    assert result.accepted == (BATCH[0], BATCH[1], BATCH[3], BATCH[4])
    assert [(entry.fix, entry.reason) for entry in result.rejected] == [(BATCH[2], "lat: range")]
    assert result.keep == ()
    assert not result.failed


def test_exactly_the_points_that_a_503_did_not_accept_are_kept_in_order() -> None:
    body = {
        "accepted": 2,
        "rejected": [{"index": 0, "field": "lon", "reason": "range"}],
        "not_taken": [4, 2],
    }
    result = interpret(response(503, body, retry_after="3"), BATCH)

    assert result.accepted == (BATCH[1], BATCH[3])
    assert result.keep == (BATCH[2], BATCH[4])
    assert [entry.fix for entry in result.rejected] == [BATCH[0]]
    assert result.wait_s == 3.0
    assert result.failed


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_an_error_response_of_the_gateway_settles_no_point(status: int) -> None:
    result = interpret(response(status, {"message": "Internal Server Error"}), BATCH)

    assert result.keep == BATCH
    assert result.accepted == ()
    assert result.rejected == ()
    assert result.failed


def test_a_rejected_token_settles_no_point_and_requests_a_new_token() -> None:
    result = interpret(response(401, {"message": "Unauthorized"}), BATCH)

    assert result.keep == BATCH
    assert result.new_token


def test_a_batch_that_is_too_large_is_split_and_a_point_that_is_too_large_dropped() -> None:
    whole, single = interpret(response(413), BATCH), interpret(response(413), BATCH[:1])

    assert (whole.keep, whole.smaller) == (BATCH, True)
    assert (single.keep, len(single.rejected)) == ((), 1)


def test_the_points_that_a_400_names_are_dropped() -> None:
    body = {"rejected": [{"index": i, "field": "lat", "reason": "range"} for i in range(5)]}
    result = interpret(response(400, body), BATCH)

    assert [entry.fix for entry in result.rejected] == list(BATCH)
    assert result.keep == ()


def test_points_of_another_truck_are_dropped_with_the_reason() -> None:
    result = interpret(response(403, {"detail": "not your truck"}), BATCH)

    assert {entry.reason for entry in result.rejected} == {"HTTP 403: not your truck"}


@pytest.mark.parametrize("entry", [{"index": 99}, {"index": -1}, {"index": "2"}, {}, 7])
def test_an_index_outside_the_batch_is_ignored(entry: Any) -> None:
    body = {"accepted": 5, "rejected": [entry], "adjusted": []}

    assert interpret(response(202, body), BATCH).accepted == BATCH


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'"x"', b""])
def test_a_503_without_a_json_object_settles_no_point(body: bytes) -> None:
    assert interpret(UploadResponse(503, {}, body), BATCH).keep == BATCH


def test_the_retry_after_header_is_found_in_any_case_and_ignored_unless_in_seconds() -> None:
    assert interpret(UploadResponse(503, {"RETRY-AFTER": "7"}, b""), BATCH).wait_s == 7.0
    assert interpret(UploadResponse(503, {"Retry-After": "Tue, 24 Nov"}, b""), BATCH).wait_s is None
