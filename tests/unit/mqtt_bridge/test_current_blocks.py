"""Blocks are read at the start and then repeatedly, but never while a message is classified."""

from __future__ import annotations

import asyncio

from mqtt_bridge.current_blocks import CurrentBlocks
from rtdts.tracking.blocks import Block, BlockKind, Blocks, identity_subject
from rtdts.tracking.roles import TRUCK

NOW_MS = 1_795_503_168_120


def blocks(*, issued_before_ms: int | None = None, until_ms: int = NOW_MS + 1) -> Blocks:
    return Blocks(
        [
            Block(
                subject=identity_subject(TRUCK, "T-1"),
                kind=BlockKind.REVOKED,
                until_ms=until_ms,
                reason="stolen",
                blocked_at_ms=NOW_MS,
                issued_before_ms=issued_before_ms,
            )
        ]
    )


async def test_each_reading_replaces_the_blocks_of_the_one_before() -> None:
    readings = iter([Blocks(), blocks(), Blocks()])
    seen: list[bool] = []

    async def read() -> Blocks:
        return next(readings)

    async def pause(_: float) -> None:
        seen.append(current.current.is_revoked(TRUCK, "T-1", NOW_MS))
        if len(seen) == 3:
            raise asyncio.CancelledError

    current = CurrentBlocks(read, sleep=pause)
    await current.read()
    await asyncio.gather(current.keep_reading(1.0), return_exceptions=True)

    assert seen == [False, True, False]


def test_without_tokens_only_a_block_of_all_tokens_of_an_identity_revokes_it() -> None:
    assert blocks().is_revoked(TRUCK, "T-1", NOW_MS)
    assert not blocks().is_revoked(TRUCK, "T-2", NOW_MS)
    assert not blocks(until_ms=NOW_MS).is_revoked(TRUCK, "T-1", NOW_MS)
    assert not blocks(issued_before_ms=NOW_MS).is_revoked(TRUCK, "T-1", NOW_MS)
