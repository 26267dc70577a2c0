"""Everything that is not a success, as problem documents."""

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
    """A valid request that can't be done."""
    status = _STATUS_OF[rejection.reason]
    members: dict[str, Any] = {} if rejection.field is None else {"field": rejection.field}
    return problem(status, rejection.detail, **members)


def invalid(request: InvalidRequest) -> Response:
    """An invalid request; `field` names the part at fault, if it is one."""
    status = HTTPStatus.BAD_REQUEST
    members: dict[str, Any] = {"field": request.field} if request.field else {}
    if request.limit is not None:
        members["limit"] = request.limit
    return problem(status, str(request), **members)


def forbidden(detail: str) -> Response:
    """A request that this caller may not make."""
    return problem(HTTPStatus.FORBIDDEN, detail)


def truck_full(full: TruckFull) -> Response:
    """No room on the truck."""
    status = HTTPStatus.CONFLICT
    return problem(status, str(full), field="truck_id", limit=full.limit)


def too_many_shares(error: TooManyShares) -> Response:
    """No room for another share."""
    return problem(HTTPStatus.CONFLICT, str(error), limit=error.limit)


def no_such_share() -> Response:
    """The single response to every token that opens nothing, for any reason."""
    return problem(HTTPStatus.NOT_FOUND, "there is no such share, or it has ended")


def foreign_origin() -> Response:
    """A page whose origin the deployment does not allow."""
    return forbidden("this page's origin is not allowed")


def erased(error: DeliveryErased) -> Response:
    """An erased delivery does not come back, even if a caller still has it."""
    return problem(HTTPStatus.CONFLICT, str(error), field="delivery_id")


def unavailable() -> Response:
    """A retry is safe, even if a response was lost after the write: every request is idempotent."""
    status = HTTPStatus.SERVICE_UNAVAILABLE
    return problem(
        status,
        "the delivery store is busy; send the request again",
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )
