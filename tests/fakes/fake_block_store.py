"""Blocked identities in memory."""

from __future__ import annotations

from rtdts.delivery_store.items import to_item
from rtdts.tracking.blocks import Block, BlockKind
from tests.fakes.aws_limits import breach
from tests.fakes.scripted_client import client_error


class FakeBlockStore:
    """Stands for `BlockStore`.

    Attributes:
        blocks: The blocks, by subject and kind.
        readings: How often all blocks were read.
        is_unavailable: Whether each call fails.
    """

    def __init__(self, *blocks: Block) -> None:
        self.blocks = {(block.subject, block.kind): block for block in blocks}
        self.readings = 0
        self.is_unavailable = False

    def block(self, block: Block) -> None:
        self._check()
        if code := breach("put_item", {"Item": to_item(block)}):
            raise client_error(code)
        self.blocks[block.subject, block.kind] = block

    def unblock(self, subject: str, kind: BlockKind) -> bool:
        self._check()
        return self.blocks.pop((subject, kind), None) is not None

    def in_force(self, now_ms: int) -> list[Block]:
        self.readings += 1
        self._check()
        return [block for block in self.blocks.values() if block.until_ms > now_ms]

    def _check(self) -> None:
        if self.is_unavailable:
            raise client_error("InternalServerError")
