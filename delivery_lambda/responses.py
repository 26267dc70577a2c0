"""The responses to requests that did not succeed, as problem documents."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from delivery_lambda.decisions import Reason, Rejection
from delivery_lambda.requests import InvalidRequest
from rtdts.delivery_store.errors import DeliveryErased, TooManyShares, TruckFull
from rtdts.runtime.http_api import Response, problem

RETRY_AFTER_S: Final = 1

_STATUS_OF: Final = {
    Reason.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Reason.CLOSED: HTTPStatus.CONFLICT,
    Reason.OTHER_VERSION: HTTPStatus.PRECONDITION_FAILED,
    Reason.ILLEGAL_STATUS: HTTPStatus.CONFLICT,
    Reason.KEY_REUSED: HTTPStatus.CONFLICT,
    Reason.NOT_YET: HTTPStatus.BAD_REQUEST,
    Reason.BEFORE_ASSIGNMENT: HTTPStatus.BAD_REQUEST,
}


def rejection_response(rejection: Rejection) -> Response:
    """Responds to a valid request that can't be done."""
    status = _STATUS_OF[rejection.reason]
    members: dict[str, Any] = {} if rejection.field is None else {"field": rejection.field}
    return problem(status, rejection.detail, **members)


def invalid(request: InvalidRequest) -> Response:
    """Responds to an invalid request; `field` names the invalid part, if there is one."""
    status = HTTPStatus.BAD_REQUEST
    members: dict[str, Any] = {"field": request.field} if request.field else {}
    if request.limit is not None:
        members["limit"] = request.limit
    return problem(status, str(request), **members)


def forbidden(detail: str) -> Response:
    """Responds to a request that this caller may not make."""
    return problem(HTTPStatus.FORBIDDEN, detail)


def truck_full(full: TruckFull) -> Response:
    """Responds when the truck has the maximum number of open deliveries."""
    status = HTTPStatus.CONFLICT
    return problem(status, str(full), field="truck_id", limit=full.limit)


def too_many_shares(error: TooManyShares) -> Response:
    """Responds when the delivery has the maximum number of shares."""
    return problem(HTTPStatus.CONFLICT, str(error), limit=error.limit)


def no_such_share() -> Response:
    """Responds to a share's token that opens nothing: always the same, for any reason."""
    return problem(HTTPStatus.NOT_FOUND, "there is no such share, or it has ended")


def foreign_origin() -> Response:
    """Responds to a page whose origin the deployment does not allow."""
    return forbidden("this page's origin is not allowed")


def erased(error: DeliveryErased) -> Response:
    """Responds when the delivery was erased: it can't be created again."""
    return problem(HTTPStatus.CONFLICT, str(error), field="delivery_id")


def unavailable() -> Response:
    """Responds when a store is busy. Requests are idempotent, so a retry is always safe."""
    status = HTTPStatus.SERVICE_UNAVAILABLE
    return problem(
        status,
        "the delivery store is busy; send the request again",
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )
