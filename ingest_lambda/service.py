"""One telemetry request from the event to the answer; everything from outside is a parameter."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from http import HTTPStatus
from typing import Any, Protocol

import msgspec

from ingest_lambda.point_steps import point_steps
from ingest_lambda.request import (
    BodyTooLargeError,
    NotATruckError,
    NotUnpackableError,
    sending_truck,
    unpacked_body,
)
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.http_api import Response, json_response, problem
from rtdts.runtime.metrics import Metric
from rtdts.telemetry_stream.putter import PutOutcome
from rtdts.tracking.stamping import StampedPoints, stamp
from rtdts.tracking.stream_codec import encode_point
from rtdts.tracking.telemetry import (
    MAX_POINTS,
    ForeignTruckError,
    Rejection,
    TooManyPointsError,
    UnreadableBodyError,
    decode_body,
)

METRICS = (
    Metric("PointsAccepted", "Count"),
    Metric("PointsRejected", "Count"),
    Metric("PointsAdjusted", "Count"),
    Metric("PointsNotTaken", "Count"),
    Metric("StreamAttempts", "Count"),
)


class Putter(Protocol):
    """Where accepted points go: `rtdts.telemetry_stream.putter.StreamPutter`."""

    def put(self, truck_id: str, payloads: Sequence[bytes], deadline: Deadline) -> PutOutcome:
        """Put one truck's points; says which were not taken."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """What of the settings concerns a request."""

    identity_claim: str
    first_generation_zone: tzinfo
    max_body_bytes: int
    retry_after_s: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """A response, and what is worth a line in the log and in the metrics."""

    response: Response
    fields: Mapping[str, Any]
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)
    steps: Sequence[Mapping[str, Any]] = ()
    """What became of each point, of a truck that is traced."""


class TelemetryService:
    """Answers telemetry requests.

    Args:
        putter: Where points go.
        limits: What a request may be.
        now_ms: The time of day.
        is_traced: Of which trucks to tell every point.
    """

    def __init__(
        self,
        putter: Putter,
        limits: Limits,
        *,
        now_ms: Callable[[], int],
        is_traced: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._putter = putter
        self._limits = limits
        self._now_ms = now_ms
        self._is_traced = is_traced

    def answer(self, event: Mapping[str, Any], *, deadline: Deadline) -> Answer:
        """Check, stamp and put one request's points, and say what became of each.

        Args:
            event: The gateway's event (payload format 2.0), its token already checked.
            deadline: No attempt to put but the first begins after it.
        """
        received_at_ms = self._now_ms()
        limits = self._limits
        truck_id: str | None = None
        try:
            truck_id = sending_truck(event, identity_claim=limits.identity_claim)
            body = unpacked_body(event, max_bytes=limits.max_body_bytes)
            decoded = decode_body(
                body, truck_id=truck_id, first_generation_zone=limits.first_generation_zone
            )
        except NotATruckError as error:
            return _refusal(HTTPStatus.FORBIDDEN, str(error), truck_id)
        except ForeignTruckError as error:
            detail = f"point {error.index} is of another truck; none was taken"
            return _refusal(HTTPStatus.FORBIDDEN, detail, truck_id)
        except BodyTooLargeError:
            detail = f"the body is larger than {limits.max_body_bytes} bytes, unpacked"
            return _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, truck_id)
        except TooManyPointsError:
            detail = f"more than {MAX_POINTS} points; send them in several requests"
            return _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, truck_id)
        except (NotUnpackableError, UnreadableBodyError) as error:
            return _refusal(HTTPStatus.BAD_REQUEST, f"the body can't be used: {error}", truck_id)

        stamped = stamp(decoded.sent, received_at_ms=received_at_ms, source="http")
        rejected = sorted(decoded.rejected + stamped.rejected, key=lambda each: each.index)
        if not stamped.points:
            return _nothing_valid(truck_id, rejected)
        payloads = [encode_point(point) for point in stamped.points]
        outcome = self._putter.put(truck_id, payloads, deadline)
        answer = _outcome(truck_id, stamped, rejected, outcome, limits.retry_after_s)
        if self._is_traced(truck_id):
            steps = point_steps(stamped.points, outcome)
            answer = dataclasses.replace(answer, steps=tuple(steps))
        return answer


def _refusal(status: HTTPStatus, detail: str, truck_id: str | None) -> Answer:
    return Answer(
        response=problem(status, detail),
        fields={"truck_id": truck_id, "status": int(status), "detail": detail},
    )


def _nothing_valid(truck_id: str, rejected: Sequence[Rejection]) -> Answer:
    status = HTTPStatus.BAD_REQUEST
    return Answer(
        response=problem(
            status,
            "no point of this request is valid",
            rejected=msgspec.to_builtins(rejected),
        ),
        fields={
            "truck_id": truck_id,
            "status": int(status),
            "accepted": 0,
            "rejected": len(rejected),
            "reasons": _reasons(rejected),
        },
        metrics={"PointsRejected": len(rejected)},
    )


def _outcome(
    truck_id: str,
    stamped: StampedPoints,
    rejected: Sequence[Rejection],
    outcome: PutOutcome,
    retry_after_s: int,
) -> Answer:
    not_taken = [stamped.indexes[place] for place in outcome.not_taken]
    left_out = set(not_taken)
    adjusted = [each for each in stamped.adjusted if each.index not in left_out]
    accepted = len(stamped.points) - len(not_taken)
    body = {
        "accepted": accepted,
        "rejected": msgspec.to_builtins(rejected),
        "adjusted": msgspec.to_builtins(adjusted),
    }
    if not_taken:
        status = HTTPStatus.SERVICE_UNAVAILABLE
        response = problem(
            status,
            f"{len(not_taken)} points were not taken; send those again",
            headers={"Retry-After": str(retry_after_s)},
            **body,
            not_taken=not_taken,
        )
    else:
        status = HTTPStatus.ACCEPTED
        response = json_response(status, body)
    recorded_at_ms = [point.recorded_at_ms for point in stamped.points]
    fields: dict[str, Any] = {
        "truck_id": truck_id,
        "status": int(status),
        "accepted": accepted,
        "rejected": len(rejected),
        "adjusted": len(adjusted),
        "not_taken": len(not_taken),
        "attempts": outcome.attempts,
        # By these, part of every point's id, its request is found afterwards.
        "recorded_from_ms": min(recorded_at_ms),
        "recorded_to_ms": max(recorded_at_ms),
    }
    if rejected:
        fields["reasons"] = _reasons(rejected)
    if outcome.failure:
        fields["failure"] = outcome.failure
    return Answer(
        response=response,
        fields=fields,
        metrics={
            "PointsAccepted": accepted,
            "PointsRejected": len(rejected),
            "PointsAdjusted": len(adjusted),
            "PointsNotTaken": len(not_taken),
            "StreamAttempts": outcome.attempts,
        },
    )


def _reasons(rejected: Sequence[Rejection]) -> dict[str, int]:
    return dict(Counter(f"{each.field}:{each.reason}" for each in rejected))
