"""What both `ShareStore` and its fake promise."""

from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import ClientError

from rtdts.delivery_store.deliveries import DeliveryStore
from rtdts.delivery_store.errors import DeliveryErased, TooManyShares
from rtdts.delivery_store.schema import ERASED_ATTRIBUTE, TableNames
from rtdts.delivery_store.shares import ShareKey, ShareStore, is_share_id, is_share_token
from rtdts.delivery_store.socket_limits import Rate
from rtdts.tracking.deliveries import Delivery
from rtdts.tracking.shares import Share
from tests.fakes.aws_limits import DYNAMODB_NUMBER_DIGITS
from tests.fakes.fake_shares import FakeShareStore
from tests.support.deliveries import NOW_MS, event_of, new_delivery, unique

Store = ShareStore | FakeShareStore
HOUR_MS = 3_600_000
RATE = Rate(per_minute=6, burst=3)
UNIT_MS = 10_000


class Shares:
    """A store, and deliveries to be shared."""

    def __init__(self, store: Store, client: object, tables: TableNames | None) -> None:
        self.store = store
        self._client = client
        self._tables = tables

    def delivery(self) -> Delivery:
        made = new_delivery(truck_id=unique("T"))
        if self._tables is not None:
            store = DeliveryStore(self._client, self._tables)  # type: ignore[arg-type]
            store.append(None, made, [event_of(made)], matches=True)
        return made

    def erase(self, delivery: Delivery) -> None:
        if isinstance(self.store, FakeShareStore):
            self.store.exists = lambda delivery_id: delivery_id != delivery.delivery_id
        elif self._tables is not None:
            row = {"delivery_id": {"S": delivery.delivery_id}, ERASED_ATTRIBUTE: {"N": "1"}}
            self._client.put_item(TableName=self._tables.deliveries, Item=row)  # type: ignore[attr-defined]

    def made(self, delivery: Delivery, *, most: int = 20, at_ms: int = NOW_MS) -> tuple[Share, str]:
        return self.store.create(
            delivery, created_by="ann", expires_at_ms=at_ms + HOUR_MS, max_shares=most, now_ms=at_ms
        )


@pytest.fixture(params=["fake", "dynamodb"])
def shares(request: pytest.FixtureRequest) -> Shares:
    if request.param == "fake":
        return Shares(FakeShareStore(), None, None)
    session: boto3.Session = request.getfixturevalue("aws_session")
    client = session.client("dynamodb", endpoint_url=request.getfixturevalue("aws_endpoint"))
    tables: TableNames = request.getfixturevalue("table_names")
    return Shares(ShareStore(client, tables), client, tables)


def key_of(share: Share) -> ShareKey:
    return ShareKey(share.delivery_id, share.share_id)


def test_a_share_is_found_by_its_token_only(shares: Shares) -> None:
    delivery, other = shares.delivery(), shares.delivery()
    share, token = shares.made(delivery)
    secret = token.partition("~")[2]

    assert is_share_token(token)
    assert is_share_id(share.share_id)
    assert (share.delivery_id, share.created_by) == (delivery.delivery_id, "ann")
    assert (share.created_at_ms, share.expires_at_ms) == (NOW_MS, NOW_MS + HOUR_MS)
    assert (share.revoked_at_ms, share.tickets, share.last_used_at_ms) == (None, 0, None)
    assert shares.store.by_token(token) == share
    assert shares.store.by_token(f"{other.delivery_id}~{secret}") is None
    assert shares.store.by_token(f"{delivery.delivery_id}~{secret[::-1]}") is None


def test_every_share_has_another_token(shares: Shares) -> None:
    delivery = shares.delivery()

    assert len({shares.made(delivery)[1] for _ in range(5)}) == 5


def test_a_deliverys_shares_are_listed_until_they_expire(shares: Shares) -> None:
    delivery = shares.delivery()
    first, _ = shares.made(delivery)
    second, _ = shares.made(delivery, at_ms=NOW_MS + 1)
    shares.made(shares.delivery())
    listed = shares.store.live_and_revoked(delivery.delivery_id, now_ms=NOW_MS)

    assert listed == [first, second]
    assert shares.store.live_and_revoked(delivery.delivery_id, now_ms=NOW_MS + HOUR_MS) == [second]


def test_a_revoked_share_keeps_its_first_time_and_issues_no_ticket(shares: Shares) -> None:
    share, token = shares.made(shares.delivery())
    store = shares.store
    responses = [
        store.revoke(key_of(share), now_ms=NOW_MS + 5),
        store.revoke(key_of(share), now_ms=NOW_MS + 9),
        store.revoke(ShareKey(share.delivery_id, "0" * 15 + "f"), now_ms=NOW_MS),
    ]
    found = store.by_token(token)

    assert responses == [True, True, False]
    assert found is not None
    assert found.revoked_at_ms == NOW_MS + 5
    assert not store.acquire_ticket(key_of(share), RATE, now_ms=NOW_MS + 6)


def test_several_shares_are_read_at_once(shares: Shares) -> None:
    one, _ = shares.made(shares.delivery())
    other, _ = shares.made(shares.delivery())
    missing = ShareKey(one.delivery_id, other.share_id[::-1])
    found = shares.store.get_many([key_of(one), key_of(other), missing])

    assert found == {key_of(one): one, key_of(other): other}
    assert shares.store.get_many([]) == {}


def test_a_delivery_has_a_maximum_of_live_shares(shares: Shares) -> None:
    delivery = shares.delivery()
    share, _ = shares.made(delivery, most=2)
    shares.made(delivery, most=2)
    with pytest.raises(TooManyShares) as rejected:
        shares.made(delivery, most=2)
    shares.store.revoke(key_of(share), now_ms=NOW_MS)
    shares.made(delivery, most=2)

    assert rejected.value.limit == 2
    assert len(shares.store.live_and_revoked(delivery.delivery_id, now_ms=NOW_MS)) == 3


def test_an_erased_delivery_gets_no_share(shares: Shares) -> None:
    delivery = shares.delivery()
    shares.erase(delivery)
    with pytest.raises(DeliveryErased):
        shares.made(delivery)

    assert shares.store.live_and_revoked(delivery.delivery_id, now_ms=NOW_MS) == []


def test_tickets_of_a_share_are_counted_and_limited_together(shares: Shares) -> None:
    share, token = shares.made(shares.delivery())
    store = shares.store
    at_once = [store.acquire_ticket(key_of(share), RATE, now_ms=NOW_MS) for _ in range(5)]
    later = [store.acquire_ticket(key_of(share), RATE, now_ms=NOW_MS + UNIT_MS) for _ in range(2)]
    found = store.by_token(token)

    assert at_once == [True, True, True, False, False]
    assert later == [True, False]
    assert found is not None
    assert (found.tickets, found.last_used_at_ms) == (4, NOW_MS + UNIT_MS)


def test_a_missing_share_issues_no_ticket(shares: Shares) -> None:
    delivery = shares.delivery()
    key = ShareKey(delivery.delivery_id, "0123456789abcdef")

    assert not shares.store.acquire_ticket(key, RATE, now_ms=NOW_MS)
    assert shares.store.get_many([key]) == {}


def test_a_time_of_more_digits_than_a_table_holds_is_rejected(shares: Shares) -> None:
    share, token = shares.made(shares.delivery())
    late_ms = 10**DYNAMODB_NUMBER_DIGITS + 1

    with pytest.raises(ClientError):
        shares.store.revoke(key_of(share), now_ms=late_ms)
    with pytest.raises(ClientError):
        shares.store.acquire_ticket(key_of(share), RATE, now_ms=late_ms)
    assert shares.store.by_token(token) == share
