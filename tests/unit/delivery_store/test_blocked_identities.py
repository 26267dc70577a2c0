"""Reading the blocks: completely, despite invalid items, and once for all threads of a process."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable

import pytest

from rtdts.delivery_store.block_list import BlockList
from rtdts.delivery_store.blocked_identities import BlockStore
from rtdts.delivery_store.items import to_item
from rtdts.runtime.logs import Logger
from rtdts.tracking.blocks import Block, Token, token_of
from tests.fakes.fake_block_store import FakeBlockStore
from tests.fakes.scripted_client import ScriptedClient
from tests.support.blocks import revocation
from tests.support.deliveries import NOW_MS

TOKEN = Token("", 0)


def quiet() -> Logger:
    return Logger("test", io.StringIO())


def test_all_pages_are_read() -> None:
    key = {"subject": {"S": "truck:T-1"}, "kind": {"S": "revoked"}}
    client = ScriptedClient(
        {"Items": [to_item(revocation("truck:T-1", NOW_MS))], "LastEvaluatedKey": key},
        {"Items": [to_item(revocation("truck:T-2", NOW_MS))]},
    )
    found = BlockStore(client, "blocked", log=quiet()).in_force(NOW_MS)

    assert [one.subject for one in found] == ["truck:T-1", "truck:T-2"]
    assert client.calls[1][1]["ExclusiveStartKey"] == key


def test_an_unreadable_item_lifts_no_other_block() -> None:
    by_hand = {"subject": {"S": "truck:T-0"}, "kind": {"S": "nonsense"}}
    client = ScriptedClient({"Items": [by_hand, to_item(revocation("truck:T-1", NOW_MS))]})
    lines = io.StringIO()
    found = BlockStore(client, "blocked", log=Logger("test", lines)).in_force(NOW_MS)

    assert [one.subject for one in found] == ["truck:T-1"]
    assert "block_unreadable" in lines.getvalue()


def test_a_truncated_response_lifts_no_block() -> None:
    """The SDK returns an empty response when it can't parse one."""
    client = ScriptedClient({"Items": [to_item(revocation("truck:T-1", NOW_MS))]}, {})
    now_ms = NOW_MS
    blocks = BlockList(
        BlockStore(client, "blocked", log=quiet()), log=quiet(), now_ms=lambda: now_ms
    )
    blocks.current()
    now_ms += 10_000

    assert blocks.current().revoking("truck", "T-1", TOKEN, now_ms) is not None


class SlowStore(FakeBlockStore):
    """Its second read waits until `may_continue` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.reading, self.may_continue = threading.Event(), threading.Event()

    def in_force(self, now_ms: int) -> list[Block]:
        if self.readings:
            self.reading.set()
            assert self.may_continue.wait(10)
        return super().in_force(now_ms)

    def read_again(self, blocks: BlockList) -> threading.Thread:
        """The thread in which the list now begins its second read."""
        thread = threading.Thread(target=blocks.current)
        thread.start()
        assert self.reading.wait(10)
        return thread


def test_threads_use_the_old_list_while_one_reads() -> None:
    store = SlowStore()
    now_ms = NOW_MS
    blocks = BlockList(store, log=quiet(), now_ms=lambda: now_ms)
    blocks.current()
    now_ms += 10_000
    thread = store.read_again(blocks)
    store.block(revocation("truck:T-1", NOW_MS))
    meanwhile = len(blocks.current())
    store.may_continue.set()
    thread.join()

    assert meanwhile == 0
    assert len(blocks.current()) == 1
    assert store.readings == 2


class _Watched:
    """A lock that reports when a thread waits for it."""

    def __init__(self, lock: threading.Lock, on_wait: Callable[[], None]) -> None:
        self._lock = lock
        self._on_wait = on_wait

    def acquire(self, *, blocking: bool) -> bool:
        if blocking:
            self._on_wait()
        return self._lock.acquire(blocking=blocking)

    def release(self) -> None:
        self._lock.release()


def test_no_thread_uses_a_list_from_before_the_process_was_idle() -> None:
    """Two pushes come at once after a quiet minute, in which a viewer was revoked."""
    store = SlowStore()
    now_ms = NOW_MS
    blocks = BlockList(store, log=quiet(), now_ms=lambda: now_ms)
    blocks.current()
    store.block(revocation("truck:T-1", NOW_MS))
    now_ms += 50_000
    thread = store.read_again(blocks)
    blocks._reading = _Watched(blocks._reading, store.may_continue.set)  # type: ignore[assignment]  # Lock is final
    seen = len(blocks.current())
    thread.join()

    assert seen == 1
    assert store.readings == 2


@pytest.mark.parametrize(
    ("claims", "token"),
    [
        ({"jti": "a", "iat": 1_800_000_000}, Token("a", 1_800_000_000_000)),
        ({"jti": "a", "iat": "1.8E9"}, Token("a", 1_800_000_000_000)),
        ({"jti": 7, "iat": "soon"}, Token("", 0)),
        ({"iat": "1e999"}, Token("", 0)),
        ({}, Token("", 0)),
    ],
)
def test_a_token_is_identified_from_any_claims(claims: dict[str, object], token: Token) -> None:
    assert token_of(claims) == token
