"""Handles one telemetry request, from event to response; everything external is a parameter.

Only HTTP is decided here: which requests are valid, and the status code and document of the
response. `rtdts.ingest` handles the points.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from ingest_lambda.request import NotATruckError, Sender, sender_of, unpacked_body
from rtdts.ingest.intake import IngestResult, Intake
from rtdts.ingest.packed_bodies import BodyTooLargeError, NotUnpackableError
from rtdts.ingest.quota import TruckQuota
from rtdts.ingest.reporting import log_fields, metrics_of
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.http_api import Response, json_response, over_quota, problem, token_revoked
from rtdts.runtime.metrics import Metric
from rtdts.runtime.rejection_log import RejectionLogLimiter
from rtdts.tracking.blocks import Blocks
from rtdts.tracking.roles import TRUCK
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
    Metric("PointsFailed", "Count"),
    Metric("StreamAttempts", "Count"),
)


RETRY_AFTER_S: Final = 5
"""How long a truck should wait after points failed, or after its device could not be read."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """The settings that limit a request."""

    identity_claim: str
    max_body_bytes: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class HandledRequest:
    """A response, and what goes into the log and the metrics."""

    response: Response
    fields: Mapping[str, Any] | None
    """None for a frequent rejection, which is not logged."""
    metrics: Mapping[str, int] = dataclasses.field(default_factory=dict)
    steps: Sequence[Mapping[str, Any]] = ()
    """The outcome of each point, if the truck is traced."""
    is_ordinary: bool = False
    """Whether every point was accepted at the first attempt."""


class TelemetryService:
    """Handles telemetry requests.

    Args:
        quota: The trucks' quotas, as counted by this process.
        blocks: Returns which identities and tokens are blocked now.
        is_traced: Returns whether every point of a truck is logged.
    """

    def __init__(
        self,
        intake: Intake,
        limits: Limits,
        *,
        quota: TruckQuota,
        blocks: Callable[[], Blocks],
        now_ms: Callable[[], int],
        is_traced: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._intake = intake
        self._limits = limits
        self._quota = quota
        self._blocks = blocks
        self._lines = RejectionLogLimiter()
        self._now_ms = now_ms
        self._is_traced = is_traced

    def handle(self, event: Mapping[str, Any], *, deadline: Deadline) -> HandledRequest:
        """Ingests one request's points, and returns the outcome of each.

        Args:
            event: The gateway's event (payload format 2.0), its token already checked.
            deadline: Only the first attempt to put may begin after it.
        """
        limits = self._limits
        try:
            sender = sender_of(event, identity_claim=limits.identity_claim)
        except NotATruckError as error:
            return self._not_a_truck(str(error))
        return self.handle_for(
            sender,
            lambda: unpacked_body(event, max_bytes=limits.max_body_bytes),
            max_bytes=limits.max_body_bytes,
            deadline=deadline,
        )

    def handle_for(
        self,
        sender: Sender,
        read_body: Callable[[], bytes | None],
        *,
        max_bytes: int,
        deadline: Deadline,
    ) -> HandledRequest:
        """Ingests the points of one request of a known sender.

        Args:
            sender: The sender.
            read_body: Reads the body as telemetry; None when it holds no point of any kind, which
                counts as a request and is accepted. Called only if the sender may send.
            max_bytes: Maximum size of the body, unpacked; named in the rejection of a larger one.
            deadline: Only the first attempt to put may begin after it.
        """
        received_at_ms = self._now_ms()
        truck_id = sender.truck_id
        # Before the body is processed: a rejection must be the cheapest of all requests.
        if (rejection := self._blocked(sender, received_at_ms)) is not None:
            return rejection
        self._quota.spend(truck_id, requests=1, points=0, now_ms=received_at_ms)
        try:
            if (body := read_body()) is None:
                return _empty_body(truck_id)
            result = self._intake.ingest(
                body,
                truck_id=truck_id,
                received_at_ms=received_at_ms,
                source="http",
                deadline=deadline,
            )
        except ForeignTruckError as error:
            detail = f"point {error.index} belongs to another truck; no point was accepted"
            return _rejection(HTTPStatus.FORBIDDEN, detail, truck_id)
        except BodyTooLargeError:
            detail = f"the body is larger than {max_bytes} bytes, unpacked"
            return _rejection(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, truck_id)
        except TooManyPointsError:
            detail = f"more than {MAX_POINTS} points; send them in several requests"
            return _rejection(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, truck_id)
        except (NotUnpackableError, UnreadableBodyError) as error:
            return _rejection(HTTPStatus.BAD_REQUEST, f"the body can't be used: {error}", truck_id)

        sent = len(result.points) + len(result.rejected)
        self._quota.spend(truck_id, requests=0, points=sent, now_ms=received_at_ms)
        status, response = _response(result)
        return HandledRequest(
            response=response,
            fields={"status": int(status), **log_fields(result)},
            metrics=metrics_of(result),
            steps=tuple(result.steps()) if self._is_traced(truck_id) else (),
            is_ordinary=status is HTTPStatus.ACCEPTED
            and not result.rejected
            and not result.outcome.failure,
        )

    def _blocked(self, sender: Sender, now_ms: int) -> HandledRequest | None:
        truck_id, blocks = sender.truck_id, self._blocks()
        if blocks.revoking(TRUCK, truck_id, sender.token, now_ms) is not None:
            return self._with_sampled_log(token_revoked(), sender, now_ms)
        block = blocks.over_quota(TRUCK, truck_id, now_ms)
        blocked_ms = block.until_ms - now_ms if block is not None else 0
        wait_ms = max(blocked_ms, self._quota.wait_ms(truck_id, now_ms))
        if wait_ms <= 0:
            return None
        detail = "this truck sends more than its quota; send these points again later"
        response = over_quota(detail, wait_ms)
        return self._with_sampled_log(response, sender, now_ms)

    def _not_a_truck(self, detail: str) -> HandledRequest:
        """Rejects a sender without a quota; logs only a few of these rejections per minute."""
        handled = _rejection(HTTPStatus.FORBIDDEN, detail, None)
        if self._lines.allows("", self._now_ms()):
            return handled
        return dataclasses.replace(handled, fields=None)

    def _with_sampled_log(self, response: Response, sender: Sender, now_ms: int) -> HandledRequest:
        """Rejects a request; logs only a few of a truck's rejections per minute."""
        status, truck_id = response["statusCode"], sender.truck_id
        if not self._lines.allows(truck_id, now_ms):
            return HandledRequest(response=response, fields=None)
        fields = {"truck_id": truck_id, "status": status, "token_id": sender.token.token_id}
        return HandledRequest(response=response, fields=fields)


def _empty_body(truck_id: str) -> HandledRequest:
    status = HTTPStatus.ACCEPTED
    return HandledRequest(
        response=json_response(status, {"accepted": 0, "rejected": [], "adjusted": []}),
        fields={"truck_id": truck_id, "status": int(status), "accepted": 0, "rejected": 0},
        is_ordinary=True,
    )


def _rejection(status: HTTPStatus, detail: str, truck_id: str | None) -> HandledRequest:
    return HandledRequest(
        response=problem(status, detail),
        fields={"truck_id": truck_id, "status": int(status), "detail": detail},
    )


def _response(result: IngestResult) -> tuple[HTTPStatus, Response]:
    rejected = msgspec.to_builtins(result.rejected)
    if not result.points:
        status = HTTPStatus.BAD_REQUEST
        return status, problem(status, "no point of this request is valid", rejected=rejected)
    body = {
        "accepted": result.accepted,
        "rejected": rejected,
        "adjusted": msgspec.to_builtins(result.adjusted),
    }
    if not result.failed:
        status = HTTPStatus.ACCEPTED
        return status, json_response(status, body)
    status = HTTPStatus.SERVICE_UNAVAILABLE
    response = problem(
        status,
        f"{len(result.failed)} points could not be stored; send them again",
        headers={"Retry-After": str(RETRY_AFTER_S)},
        **body,
        not_taken=result.failed,
    )
    return status, response
