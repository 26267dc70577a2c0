"""The right to view that a share gives."""

from __future__ import annotations

import msgspec
import pytest

from rtdts.tracking.deliveries import CLOSED, Delivery, Status
from rtdts.tracking.roles import SHARE
from rtdts.tracking.shares import Share
from rtdts.tracking.truck_stops import Stop, TruckStops
from rtdts.tracking.viewer_scope import stops_before
from rtdts.tracking.viewing import Access, Ended, EndReason, MayView, Right, right_to_view
from tests.support.deliveries import NOW_MS, moved_to, new_delivery
from tests.support.delivery_shares import DAY_MS, share_of

DELIVERY = moved_to(new_delivery(delivery_id="D-1"), Status.EN_ROUTE_TO_PICKUP)
SOON_MS = NOW_MS + 60_000


def right(
    delivery: Delivery | None, share: Share | None, *, now_ms: int = SOON_MS, identity: str = ""
) -> Right:
    return right_to_view(
        delivery,
        role=SHARE,
        identity=identity or "00000000000000aa",
        token_expires_at_ms=NOW_MS + DAY_MS,
        now_ms=now_ms,
        viewing_minutes=30,
        share=share,
    )


def test_a_live_share_shows_what_the_customer_sees() -> None:
    share = share_of("D-1")

    assert right(DELIVERY, share) == MayView(access=Access.AS_CUSTOMER)
    assert right(new_delivery(delivery_id="D-1"), share) == MayView(access=Access.STATUS_ONLY)


@pytest.mark.parametrize(
    "share",
    [
        None,
        share_of("D-1", revoked_at_ms=NOW_MS),
        share_of("D-1", expires_at_ms=SOON_MS),
    ],
)
def test_without_a_live_share_there_is_no_right(share: Share | None) -> None:
    assert right(DELIVERY, share) == Ended(reason=EndReason.TOKEN_EXPIRED)


def test_a_share_of_another_delivery_shows_nothing() -> None:
    assert right(DELIVERY, share_of("D-2")) == Ended(reason=EndReason.NO_LONGER_YOURS)


def test_a_share_gives_no_right_to_the_holder_of_another_share() -> None:
    ended = right(DELIVERY, share_of("D-1"), identity="00000000000000bb")

    assert ended == Ended(reason=EndReason.NO_LONGER_YOURS)


def test_a_share_ends_when_the_delivery_goes_to_another_customer() -> None:
    """The former customer has passed the link on."""
    given = msgspec.structs.replace(DELIVERY, customer_id="C-2", customer_since_version=3)

    assert right(given, share_of("D-1")) == Ended(reason=EndReason.NO_LONGER_YOURS)


@pytest.mark.parametrize("status", sorted(CLOSED - {Status.CANCELLED}))
def test_a_share_ends_with_the_viewing_minutes(status: Status) -> None:
    closed = moved_to(DELIVERY, status)
    over_ms = closed.updated_at_ms + 30 * 60_000
    share = share_of("D-1")

    assert right(closed, share, now_ms=over_ms - 1) == MayView(access=Access.AS_CUSTOMER)
    assert right(closed, share, now_ms=over_ms) == Ended(reason=EndReason.VIEWING_OVER)


def test_a_share_of_a_cancelled_delivery_shows_no_truck() -> None:
    cancelled = moved_to(DELIVERY, Status.CANCELLED)

    assert right(cancelled, share_of("D-1")) == Ended(reason=EndReason.CANCELLED)


def stops(*numbers: int | None) -> TruckStops:
    return TruckStops(
        stops=tuple(
            Stop(delivery_id=f"D-{index}", stop_sequence=number)
            for index, number in enumerate(numbers)
        )
    )


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((3,), 0),
        ((3, 1, 2), 2),
        ((3, 1, 1, 5, None), 1),
        ((None, 1, 2), None),
    ],
)
def test_the_stops_before_a_delivery_are_counted_by_their_numbers(
    numbers: tuple[int | None, ...], expected: int | None
) -> None:
    delivery = new_delivery(delivery_id="D-0", stop_sequence=numbers[0])

    assert stops_before(delivery, stops(*numbers)) == expected


def test_unknown_stops_are_not_counted() -> None:
    delivery = new_delivery(delivery_id="D-0", stop_sequence=3)
    partly = msgspec.structs.replace(stops(3, 1), is_complete=False)

    assert stops_before(delivery, None) is None
    assert stops_before(delivery, partly) is None
    assert stops_before(delivery, stops()) is None
    assert stops_before(moved_to(delivery, Status.DELIVERED), stops(3, 1)) is None
