"""``blocked-identities``: small, read whole by every process that decides about requests or pushes.

One item per subject and kind: the consumer's block of a truck over its quota neither replaces an
operator's revocation nor is replaced by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rtdts.delivery_store.batches import scan_all
from rtdts.delivery_store.items import FOREIGN_ITEM_ERRORS, from_item, to_item
from rtdts.delivery_store.schema import TTL_ATTRIBUTE
from rtdts.runtime.logs import Logger
from rtdts.tracking.blocks import Block, BlockKind

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, ScanInputTypeDef


class BlockStore:
    """Reads and writes blocks; what boto3 raises passes through.

    Args:
        log: Where an item that can't be read is reported.
    """

    def __init__(self, client: DynamoDBClient, table: str, *, log: Logger) -> None:
        self._client = client
        self._table = table
        self._log = log

    def block(self, block: Block) -> None:
        """Writes a block; one of the same subject and kind is replaced."""
        item = to_item(block, **{TTL_ATTRIBUTE: block.until_ms // 1000 + 1})
        self._client.put_item(TableName=self._table, Item=item)

    def unblock(self, subject: str, kind: BlockKind) -> bool:
        """Deletes a block; returns whether there was one."""
        response = self._client.delete_item(
            TableName=self._table,
            Key={"subject": {"S": subject}, "kind": {"S": kind.value}},
            ReturnValues="ALL_OLD",
        )
        return bool(response.get("Attributes"))

    def in_force(self, now_ms: int) -> list[Block]:
        """Returns every block in force, read consistently, without items that can't be read.

        Raises:
            KeyError: A response was cut off.
        """
        scan: ScanInputTypeDef = {
            "TableName": self._table,
            # DynamoDB deletes expired items only hours or days later.
            "FilterExpression": "until_ms > :now",
            "ExpressionAttributeValues": {":now": {"N": str(now_ms)}},
            "ConsistentRead": True,
        }
        return list(self._readable(scan_all(self._client, scan)))

    def _readable(self, items: Iterable[dict[str, AttributeValueTypeDef]]) -> Iterator[Block]:
        for item in items:
            try:
                yield from_item(item, Block)
            except FOREIGN_ITEM_ERRORS as error:
                # One item that was written by hand must not lift all the other blocks.
                self._log.exception("block_unreadable", error, subject=item.get("subject"))
