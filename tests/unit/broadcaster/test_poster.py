from __future__ import annotations

import io

import pytest

from broadcaster.connection_pool import HttpError, TimeLimitError, TooLateError, UnreachableError
from broadcaster.http_response import HttpResponse
from broadcaster.poster import SocketPoster
from broadcaster.sender import Payload, PostOutcome
from broadcaster.signing import Credentials, PostSigner
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import Logger
from tests.support.waiting import NO_HURRY


class Unresponsive:
    def __init__(self, error: HttpError) -> None:
        self._error = error

    async def send(self, request: bytes, *, timeout_s: float, write_by: Deadline) -> HttpResponse:
        raise self._error


class FixedCredentials:
    def current(self) -> Credentials:
        return Credentials("key", "secret")


def poster_that_has(error: HttpError, written: io.StringIO) -> SocketPoster:
    return SocketPoster(
        Unresponsive(error),  # it never responds
        PostSigner("http://127.0.0.1:1/live", "eu-central-1"),
        FixedCredentials(),
        timeout_s=1,
        log=Logger("broadcaster", written),
    )


async def test_a_post_that_is_too_late_to_be_written_is_no_failure() -> None:
    written = io.StringIO()
    poster = poster_that_has(TooLateError("not written"), written)

    assert await poster.post("a", Payload.of(b"{}"), NO_HURRY) is PostOutcome.TOO_LATE
    assert written.getvalue() == ""


@pytest.mark.parametrize(
    ("error", "response"),
    [
        (TimeLimitError("no response in time"), PostOutcome.HUNG),
        (UnreachableError("no route"), PostOutcome.FAILED),
    ],
)
async def test_a_post_without_a_response_in_time_is_hung_and_any_other_error_is_failed(
    error: HttpError, response: PostOutcome
) -> None:
    written = io.StringIO()
    poster = poster_that_has(error, written)

    assert await poster.post("a", Payload.of(b"{}"), NO_HURRY) is response
    assert "post_failed" in written.getvalue()
