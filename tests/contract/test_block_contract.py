"""What both `BlockStore` and its fake promise."""

from __future__ import annotations

import boto3
import msgspec
import pytest

from rtdts.delivery_store.blocked_identities import BlockStore
from rtdts.runtime.logs import get_logger
from rtdts.tracking.blocks import Block, BlockKind
from tests.fakes.fake_block_store import FakeBlockStore
from tests.support.deliveries import NOW_MS, unique

Store = BlockStore | FakeBlockStore


@pytest.fixture(params=["fake", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "fake":
        return FakeBlockStore()
    session: boto3.Session = request.getfixturevalue("aws_session")
    client = session.client("dynamodb", endpoint_url=request.getfixturevalue("aws_endpoint"))
    table = request.getfixturevalue("table_names").blocked_identities
    return BlockStore(client, table, log=get_logger("test"))


def block(kind: BlockKind = BlockKind.REVOKED) -> Block:
    return Block(
        subject=f"truck:{unique('T')}",
        kind=kind,
        until_ms=NOW_MS + 60_000,
        reason="stolen on the 12th",
        blocked_at_ms=NOW_MS,
        issued_before_ms=NOW_MS,
    )


def test_a_block_is_in_force_until_its_end(store: Store) -> None:
    one = block()
    store.block(one)

    assert one in store.in_force(NOW_MS + 59_999)
    assert one not in store.in_force(NOW_MS + 60_000)


def test_a_block_replaces_one_of_the_same_kind_but_not_of_the_other(store: Store) -> None:
    first = block()
    longer = msgspec.structs.replace(first, until_ms=NOW_MS + 90_000, issued_before_ms=None)
    other = msgspec.structs.replace(first, kind=BlockKind.OVER_QUOTA)
    for one in (first, longer, other):
        store.block(one)
    found = [one for one in store.in_force(NOW_MS) if one.subject == first.subject]

    assert sorted(found, key=lambda one: one.kind) == [other, longer]


def test_unblocking_reports_whether_there_was_a_block(store: Store) -> None:
    one = block()
    store.block(one)

    assert not store.unblock(one.subject, BlockKind.OVER_QUOTA)
    assert store.unblock(one.subject, BlockKind.REVOKED)
    assert not store.unblock(one.subject, BlockKind.REVOKED)
    assert one not in store.in_force(NOW_MS)
