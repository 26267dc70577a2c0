"""Calls to an unavailable store: which are retried, for how long, and that no memory leaks."""

from __future__ import annotations

import gc
import io
import weakref
from collections.abc import Iterator

import pytest
from botocore.exceptions import EndpointConnectionError, ParamValidationError

from consumer.errors import RetriesExhausted
from consumer.retrying import RetryPolicy, is_temporary
from rtdts.position_store.errors import StoreUnavailable
from rtdts.runtime.aws_errors import is_rejection
from rtdts.runtime.logs import Logger
from tests.fakes.fake_clock import FakeClock
from tests.fakes.scripted_client import cancelled, client_error

ATTEMPTS = 5


class Body:
    """What a call wanted to write."""


@pytest.fixture
def without_collector() -> Iterator[None]:
    """As between two of the garbage collector's rare runs."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize(
    ("error", "passes", "rejects"),
    [
        (client_error("ValidationException"), False, True),
        (client_error("ItemCollectionSizeLimitExceededException"), False, True),
        (cancelled("None", "ValidationError"), False, True),
        (ParamValidationError(report="too long"), False, True),
        (client_error("ThrottlingException"), True, False),
        (client_error("InternalServerError", 500), True, False),
        (EndpointConnectionError(endpoint_url="http://x"), True, False),
        # Errors of the deployment: retried first, then raised.
        (client_error("AccessDeniedException"), True, False),
        (client_error("ResourceNotFoundException"), True, False),
        # In no list: raised at once.
        (client_error("UnrecognizedClientException"), False, False),
        (ValueError(), False, False),
    ],
)
def test_errors_are_classified_as_temporary_or_as_rejections_of_the_write(
    error: Exception, passes: bool, rejects: bool
) -> None:
    assert (is_temporary(error), is_rejection(error)) == (passes, rejects)


def policy(clock: FakeClock, budget_s: float) -> RetryPolicy:
    return RetryPolicy(
        budget_s, log=Logger("consumer", io.StringIO()), clock=clock.monotonic, sleep=clock.advance
    )


def test_a_failure_after_minutes_of_work_is_retried() -> None:
    clock = FakeClock(0)
    budget = policy(clock, 240.0).start()
    failures = iter([StoreUnavailable("write", 429, "too many requests")])

    def write() -> str:
        clock.advance(30.0)
        if (failure := next(failures, None)) is not None:
            raise failure
        return "written"

    for _ in range(10):
        budget.call("read", lambda: clock.advance(60.0))

    assert budget.call("write", write) == "written"


def test_a_call_that_fails_after_working_for_minutes_is_retried() -> None:
    clock = FakeClock(0)
    failures = iter([StoreUnavailable("write", 429, "too many requests")])

    def write() -> str:
        clock.advance(300.0)  # many requests, of which the last is rejected
        if (failure := next(failures, None)) is not None:
            raise failure
        return "written"

    assert policy(clock, 240.0).start().call("write", write) == "written"


def test_time_in_hanging_attempts_counts_towards_the_retry_budget() -> None:
    clock = FakeClock(0)

    def hang() -> None:
        clock.advance(30.0)
        raise StoreUnavailable("write", None, "no response")

    with pytest.raises(RetriesExhausted):
        policy(clock, 240.0).start().call("write", hang)

    assert clock.monotonic() <= 240.0 + 30.0


@pytest.mark.usefixtures("without_collector")
def test_a_failed_attempt_keeps_no_reference_to_what_it_tried_to_write() -> None:
    clock = FakeClock(0)
    bodies: list[weakref.ref[Body]] = []
    left: list[int] = []

    def write() -> None:
        body = Body()
        bodies.append(weakref.ref(body))
        left.append(sum(one() is not None for one in bodies))
        if len(bodies) < ATTEMPTS:
            fail_as_urllib3_does(body)

    def fail_as_urllib3_does(body: Body) -> None:
        try:
            raise ConnectionError(f"{body} was not taken")
        except ConnectionError as error:
            itself = error  # through its traceback and this frame
            raise StoreUnavailable("write", None, "no response") from itself

    retry_policy = RetryPolicy(
        1_000.0, log=Logger("consumer", io.StringIO()), clock=clock.monotonic, sleep=clock.advance
    )
    retry_policy.start().call("write", write)

    assert left == [1] * ATTEMPTS


def test_a_cycle_of_exception_causes_is_followed_once() -> None:
    clock = FakeClock(0)
    attempts: list[int] = []

    def write() -> None:
        attempts.append(1)
        if len(attempts) == 1:
            first = StoreUnavailable("write", None, "no response")
            first.__cause__ = ConnectionError("it was not taken")
            first.__cause__.__cause__ = first
            raise first

    retry_policy = RetryPolicy(
        1_000.0, log=Logger("consumer", io.StringIO()), clock=clock.monotonic, sleep=clock.advance
    )
    retry_policy.start().call("write", write)

    assert len(attempts) == 2
