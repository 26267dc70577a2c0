from __future__ import annotations

import io

import pytest

from broadcaster.kept_connections import HttpError, TimeLimitError, UnreachableError
from broadcaster.poster import Answer, SocketPoster
from broadcaster.signing import Credentials, Payload, PostSigner
from rtdts.runtime.logs import Logger


class Unanswering:
    def __init__(self, error: HttpError) -> None:
        self._error = error

    async def send(self, request: bytes, *, timeout_s: float) -> object:
        raise self._error


class FixedCredentials:
    def current(self) -> Credentials:
        return Credentials("key", "secret")


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (TimeLimitError("no answer in time"), Answer.THROTTLED),
        (UnreachableError("no route"), Answer.FAILED),
    ],
)
async def test_who_does_not_take_a_message_in_time_is_to_be_left_alone_for_a_while(
    error: HttpError, answer: Answer
) -> None:
    written = io.StringIO()
    poster = SocketPoster(
        Unanswering(error),  # type: ignore[arg-type] - it never answers
        PostSigner("http://127.0.0.1:1/live", "eu-central-1"),
        FixedCredentials(),
        timeout_s=1,
        log=Logger("broadcaster", written),
    )

    assert await poster.post("a", Payload.of(b"{}")) is answer
    assert "post_failed" in written.getvalue()
