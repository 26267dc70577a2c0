from __future__ import annotations

import msgspec
import pytest

from rtdts.tracking.deliveries import CLOSED, Assignment, Delivery, Place, Status
from rtdts.tracking.viewing import (
    Access,
    Ended,
    EndReason,
    MayView,
    Right,
    right_to_view,
)

NOW_MS = 1_800_000_000_000
START_MS = NOW_MS - 3_600_000


def delivery(**changes: object) -> Delivery:
    whole = Delivery(
        delivery_id="D-1",
        customer_id="C-1",
        origin=Place(lat=35.1, lon=129.0),
        destination=Place(lat=35.2, lon=129.1),
        status=Status.IN_TRANSIT,
        version=4,
        assignments=(Assignment(assignment=1, truck_id="T-1", started_at_ms=START_MS),),
        created_at_ms=START_MS,
        updated_at_ms=NOW_MS - 60_000,
    )
    return msgspec.structs.replace(whole, **changes)


def right(
    of: Delivery | None,
    *,
    role: str = "customer",
    identity: str = "C-1",
    expires_in_ms: int = 60_000,
    now_ms: int = NOW_MS,
) -> Right:
    return right_to_view(
        of,
        role=role,
        identity=identity,
        token_expires_at_ms=NOW_MS + expires_in_ms,
        now_ms=now_ms,
        viewing_minutes=30,
    )


FULL = MayView(access=Access.FULL)
AS_CUSTOMER = MayView(access=Access.AS_CUSTOMER)


def test_the_customer_and_any_dispatcher_see_a_delivery_under_way() -> None:
    assert right(delivery()) == AS_CUSTOMER
    assert right(delivery(), role="dispatcher", identity="someone") == FULL


@pytest.mark.parametrize(
    ("role", "identity"),
    [("customer", "C-2"), ("truck", "T-1"), ("truck", "C-1"), ("", "C-1"), ("customer", "")],
)
def test_no_other_identity_has_a_right(role: str, identity: str) -> None:
    assert right(delivery(), role=role, identity=identity) == Ended(
        reason=EndReason.NO_LONGER_YOURS
    )


def test_while_assigned_a_customer_sees_only_the_status_and_a_dispatcher_everything() -> None:
    waiting = delivery(status=Status.ASSIGNED)

    assert right(waiting) == MayView(access=Access.STATUS_ONLY)
    assert right(waiting, role="dispatcher", identity="x") == FULL


def test_a_token_ends_at_its_expiry_and_not_before() -> None:
    assert right(delivery(), expires_in_ms=1) == AS_CUSTOMER
    assert right(delivery(), expires_in_ms=0) == Ended(reason=EndReason.TOKEN_EXPIRED)


@pytest.mark.parametrize("role", ["customer", "dispatcher"])
def test_a_cancelled_delivery_ends_at_once(role: str) -> None:
    cancelled = delivery(status=Status.CANCELLED, closed_at_ms=NOW_MS)

    assert right(cancelled, role=role) == Ended(reason=EndReason.CANCELLED)


def test_a_former_customer_is_not_shown_how_the_delivery_ended() -> None:
    cancelled = delivery(status=Status.CANCELLED, closed_at_ms=NOW_MS)

    assert right(cancelled, identity="C-2") == Ended(reason=EndReason.NO_LONGER_YOURS)


@pytest.mark.parametrize("status", sorted(CLOSED - {Status.CANCELLED}))
def test_a_closed_delivery_stays_visible_for_the_viewing_minutes(status: Status) -> None:
    recorded_at_ms = NOW_MS - 30 * 60_000 + 1
    closed = delivery(status=status, closed_at_ms=START_MS, updated_at_ms=recorded_at_ms)

    assert right(closed) == AS_CUSTOMER
    assert right(closed, role="dispatcher", identity="x") == FULL
    assert right(closed, now_ms=NOW_MS + 1) == Ended(reason=EndReason.VIEWING_OVER)


def test_the_right_to_view_a_missing_delivery_has_ended() -> None:
    assert right(None) == Ended(reason=EndReason.NO_LONGER_YOURS)


def test_only_endings_of_the_viewers_own_delivery_may_report_its_last_status() -> None:
    reported = {reason for reason in EndReason if Ended(reason=reason).last_status_may_be_shown}

    assert reported == {EndReason.CANCELLED, EndReason.VIEWING_OVER}
