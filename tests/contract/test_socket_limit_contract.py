"""What both `SocketLimitStore` and its fake promise."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

from rtdts.delivery_store.socket_limits import RETENTION_MS, Rate, SocketLimitStore
from tests.fakes.fake_socket_limits import FakeSocketLimitStore
from tests.support.deliveries import NOW_MS, unique

Store = SocketLimitStore | FakeSocketLimitStore
RATE = Rate(per_minute=60, burst=5)


@pytest.fixture(params=["fake", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "fake":
        return FakeSocketLimitStore()
    session: boto3.Session = request.getfixturevalue("aws_session")
    client = session.client("dynamodb", endpoint_url=request.getfixturevalue("aws_endpoint"))
    return SocketLimitStore(client, request.getfixturevalue("table_names").socket_limits)


@pytest.fixture
def key() -> str:
    return unique("key")


def taken(store: Store, key: str, now_ms: int) -> int:
    """Acquires units until none is left at this time, and returns how many there were."""
    count = 0
    while store.try_acquire(key, RATE, now_ms):
        count += 1
    return count


def test_an_idle_key_is_allowed_its_burst_and_then_its_rate(store: Store, key: str) -> None:
    at_once = taken(store, key, NOW_MS)
    later = [taken(store, key, NOW_MS + second * 1_000) for second in (1, 2, 5)]

    assert at_once == RATE.burst
    assert later == [1, 1, 3]


def test_a_key_is_allowed_its_burst_again_after_a_long_idle_time(store: Store, key: str) -> None:
    taken(store, key, NOW_MS)

    assert taken(store, key, NOW_MS + 24 * 3_600_000) == RATE.burst


def test_keys_are_limited_independently(store: Store, key: str) -> None:
    taken(store, key, NOW_MS)

    assert store.try_acquire(unique("key"), RATE, NOW_MS)


def test_the_oldest_socket_is_named_for_replacement_beyond_the_limit(
    store: Store, key: str
) -> None:
    for number in range(3):
        assert store.add_socket(key, f"c-{number}=", max_sockets=3, now_ms=NOW_MS + number) is None
    assert store.add_socket(key, "c-3=", max_sockets=3, now_ms=NOW_MS + 3) == "c-0="

    assert store.replace_socket(key, "c-0=", "c-3=", now_ms=NOW_MS + 3)
    assert store.add_socket(key, "c-4=", max_sockets=3, now_ms=NOW_MS + 4) == "c-1="


def test_a_removed_socket_frees_its_place(store: Store, key: str) -> None:
    for number in range(3):
        store.add_socket(key, f"c-{number}=", max_sockets=3, now_ms=NOW_MS)
    for _ in range(2):  # its end may be reported twice, or for a socket that was never counted
        store.remove_socket(key, "c-1=", NOW_MS)
    store.remove_socket(key, "another=", NOW_MS)

    assert store.add_socket(key, "c-3=", max_sockets=3, now_ms=NOW_MS) is None
    assert store.add_socket(key, "c-4=", max_sockets=3, now_ms=NOW_MS) == "c-0="


def test_a_socket_that_is_added_twice_counts_once(store: Store, key: str) -> None:
    for _ in range(2):  # the SDK repeats a request without a response
        assert store.add_socket(key, "c-0=", max_sockets=2, now_ms=NOW_MS) is None

    assert store.add_socket(key, "c-1=", max_sockets=2, now_ms=NOW_MS) is None
    assert store.add_socket(key, "c-1=", max_sockets=2, now_ms=NOW_MS) is None
    assert store.add_socket(key, "c-2=", max_sockets=2, now_ms=NOW_MS) == "c-0="


def test_a_sockets_place_can_be_taken_by_only_one_other(store: Store, key: str) -> None:
    store.add_socket(key, "c-0=", max_sockets=1, now_ms=NOW_MS)

    assert store.replace_socket(key, "c-0=", "c-1=", now_ms=NOW_MS)
    assert not store.replace_socket(key, "c-0=", "c-2=", now_ms=NOW_MS)
    assert store.replace_socket(key, "c-0=", "c-1=", now_ms=NOW_MS)  # repeated by the SDK
    assert store.add_socket(key, "c-2=", max_sockets=1, now_ms=NOW_MS) == "c-1="


def test_limits_are_not_exceeded_by_concurrent_requests(
    aws_endpoint: str, aws_session: boto3.Session, table_names, key: str
) -> None:
    client = aws_session.client("dynamodb", endpoint_url=aws_endpoint)
    store = SocketLimitStore(client, table_names.socket_limits)
    with ThreadPoolExecutor(8) as crowd:
        admitted = list(crowd.map(lambda _: store.try_acquire(key, RATE, NOW_MS), range(40)))
        added = list(
            crowd.map(
                lambda number: store.add_socket(key, f"c-{number}=", max_sockets=5, now_ms=NOW_MS),
                range(40),
            )
        )

    assert sum(admitted) == RATE.burst
    assert added.count(None) == 5


def test_counts_expire(
    aws_endpoint: str, aws_session: boto3.Session, table_names, key: str
) -> None:
    client = aws_session.client("dynamodb", endpoint_url=aws_endpoint)
    store = SocketLimitStore(client, table_names.socket_limits)
    store.try_acquire(key, RATE, NOW_MS)
    store.add_socket(f"{key}-s", "c=", max_sockets=1, now_ms=NOW_MS)
    store.remove_socket(f"{key}-s", "c=", NOW_MS + 1_000)

    for name, at_ms in ((key, NOW_MS), (f"{key}-s", NOW_MS + 1_000)):
        item = client.get_item(TableName=table_names.socket_limits, Key={"limit_of": {"S": name}})
        assert int(item["Item"]["expires_at_s"]["N"]) == (at_ms + RETENTION_MS) // 1000
