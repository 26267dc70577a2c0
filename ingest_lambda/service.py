"""One telemetry request from the event to the answer; everything from outside is a parameter.

Only HTTP is decided here: what a request may be, and which status and document answers it. What
becomes of its points is `rtdts.ingest`'s.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from ingest_lambda.request import (
    BodyTooLargeError,
    NotATruckError,
    NotUnpackableError,
    sending_truck,
    unpacked_body,
)
from rtdts.ingest.intake import IngestResult, Intake
from rtdts.ingest.reporting import log_fields, metrics_of
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.http_api import Response, json_response, problem
from rtdts.runtime.metrics import Metric
from rtdts.tracking.telemetry import (
    MAX_POINTS,
    ForeignTruckError,
    TooManyPointsError,
    UnreadableBodyError,
)

METRICS = (
    Metric("PointsAccepted", "Count"),
    Metric("PointsRejected", "Count"),
    Metric("PointsAdjusted", "Count"),
    Metric("PointsNotTaken", "Count"),
    Metric("StreamAttempts", "Count"),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """What of the settings concerns a request."""

    identity_claim: str
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
        intake: What takes a request's points.
        limits: What a request may be.
        now_ms: The time of day.
        is_traced: Of which trucks to tell every point.
    """

    def __init__(
        self,
        intake: Intake,
        limits: Limits,
        *,
        now_ms: Callable[[], int],
        is_traced: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._intake = intake
        self._limits = limits
        self._now_ms = now_ms
        self._is_traced = is_traced

    def answer(self, event: Mapping[str, Any], *, deadline: Deadline) -> Answer:
        """Take one request's points, and say what became of each.

        Args:
            event: The gateway's event (payload format 2.0), its token already checked.
            deadline: No attempt to put but the first begins after it.
        """
        received_at_ms = self._now_ms()
        limits = self._limits
        truck_id: str | None = None
        try:
            truck_id = sending_truck(event, identity_claim=limits.identity_claim)
            result = self._intake.take(
                unpacked_body(event, max_bytes=limits.max_body_bytes),
                truck_id=truck_id,
                received_at_ms=received_at_ms,
                source="http",
                deadline=deadline,
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

        status, response = _response(result, limits.retry_after_s)
        return Answer(
            response=response,
            fields={"status": int(status), **log_fields(result)},
            metrics=metrics_of(result),
            steps=tuple(result.steps()) if self._is_traced(truck_id) else (),
        )


def _refusal(status: HTTPStatus, detail: str, truck_id: str | None) -> Answer:
    return Answer(
        response=problem(status, detail),
        fields={"truck_id": truck_id, "status": int(status), "detail": detail},
    )


def _response(result: IngestResult, retry_after_s: int) -> tuple[HTTPStatus, Response]:
    rejected = msgspec.to_builtins(result.rejected)
    if not result.points:
        status = HTTPStatus.BAD_REQUEST
        return status, problem(status, "no point of this request is valid", rejected=rejected)
    body = {
        "accepted": result.accepted,
        "rejected": rejected,
        "adjusted": msgspec.to_builtins(result.adjusted),
    }
    if not result.not_taken:
        status = HTTPStatus.ACCEPTED
        return status, json_response(status, body)
    status = HTTPStatus.SERVICE_UNAVAILABLE
    response = problem(
        status,
        f"{len(result.not_taken)} points were not taken; send those again",
        headers={"Retry-After": str(retry_after_s)},
        **body,
        not_taken=result.not_taken,
    )
    return status, response
