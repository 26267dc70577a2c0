"""Secondary indexes that lag, in front of a DynamoDB whose indexes don't.

Each lagging table has a copy, created upstream when the lag begins. After each write that passes
through, the written items are read back, and put into the copy once they are old enough. A query
on an index goes to the copy. So a query sees the table as it was, deletions, filters, pages and
counts included, and no expression needs to be evaluated here.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any

Item = Mapping[str, Any]
"""Attributes in DynamoDB's own JSON."""
Headers = Mapping[str, str]

Call = Callable[[Headers, str, Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""Calls an operation of upstream with the given request's headers; raises when it fails."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Change:
    at_s: float
    key: Item
    image: Item | None
    """None when the item was deleted."""


@dataclasses.dataclass(kw_only=True)
class _Copy:
    name: str
    keys: tuple[str, ...]
    headers: Headers
    """Headers of the request that caused the copy: they name the account."""
    pending: deque[_Change] = dataclasses.field(default_factory=deque)
    lock: asyncio.Lock = dataclasses.field(default_factory=asyncio.Lock)
    """Held from a write until its images are read, and while the copy is updated."""


def written_items(document: Mapping[str, Any]) -> Iterator[tuple[str, Item]]:
    """Table and item (or key) of every item that a write request changes."""
    single = document.get("Item") or document.get("Key")
    if single and "TableName" in document:
        yield document["TableName"], single
    for table, parsed in (document.get("RequestItems") or {}).items():
        for entry in parsed if isinstance(parsed, list) else ():
            yield (
                table,
                entry["PutRequest"]["Item"]
                if "PutRequest" in entry
                else (entry["DeleteRequest"]["Key"]),
            )
    for write in document.get("TransactItems") or ():
        for action, parsed in write.items():
            if action != "ConditionCheck":
                yield parsed["TableName"], parsed.get("Item") or parsed["Key"]


class LaggingIndexes:
    """Maintains the copies.

    Args:
        call: Calls upstream.
        clock: Monotonic seconds.
    """

    def __init__(self, call: Call, clock: Callable[[], float]) -> None:
        self._call = call
        self._clock = clock
        self._copies: dict[str, _Copy] = {}
        self._making = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def around_write(
        self, tables: Iterable[str], headers: Headers, document: Mapping[str, Any]
    ) -> AsyncIterator[None]:
        """Wraps a write to upstream; writes to the same lagging table are serialised.

        Args:
            tables: The lagging tables of the request.
            headers: Headers of the request.
            document: Body of the request.
        """
        copies = {table: await self._copy(table, headers) for table in sorted(tables)}
        async with contextlib.AsyncExitStack() as locks:
            for copy in copies.values():
                await locks.enter_async_context(copy.lock)
            yield
            for table, item in written_items(document):
                lagging = copies.get(table)
                # A write without the key was rejected.
                if lagging is not None and item.keys() >= set(lagging.keys):
                    await self._note(table, lagging, item, headers)

    async def stand_in(self, table: str, headers: Headers, lag_s: float) -> str:
        """The name of a table whose state is that of `table` `lag_s` ago."""
        copy = await self._copy(table, headers)
        async with copy.lock:
            old_enough_s = self._clock() - lag_s
            while copy.pending and copy.pending[0].at_s <= old_enough_s:
                change = copy.pending[0]
                if change.image is None:
                    parsed: dict[str, Any] = {"TableName": copy.name, "Key": change.key}
                    await self._call(headers, "DeleteItem", parsed)
                else:
                    parsed = {"TableName": copy.name, "Item": change.image}
                    await self._call(headers, "PutItem", parsed)
                copy.pending.popleft()
        return copy.name

    async def drop(self, still_lags: Callable[[str], bool] = lambda _: False) -> None:
        """Deletes the copies of tables that no longer lag."""
        for table in [table for table in self._copies if not still_lags(table)]:
            copy = self._copies.pop(table)
            with contextlib.suppress(Exception):  # upstream may have stopped, and its copy with it
                await self._call(copy.headers, "DeleteTable", {"TableName": copy.name})

    async def _note(self, table: str, copy: _Copy, item: Item, headers: Headers) -> None:
        key = {name: item[name] for name in copy.keys}
        parsed = {"TableName": table, "Key": key, "ConsistentRead": True}
        image = (await self._call(headers, "GetItem", parsed)).get("Item")
        copy.pending.append(_Change(at_s=self._clock(), key=key, image=image))

    async def _copy(self, table: str, headers: Headers) -> _Copy:
        async with self._making:
            if table not in self._copies:
                self._copies[table] = await self._make_copy(table, headers)
            return self._copies[table]

    async def _make_copy(self, table: str, headers: Headers) -> _Copy:
        described = (await self._call(headers, "DescribeTable", {"TableName": table}))["Table"]
        name = f"{table}.lagging-{uuid.uuid4().hex[:8]}"
        parsed: dict[str, Any] = {
            "TableName": name,
            "KeySchema": described["KeySchema"],
            "AttributeDefinitions": described["AttributeDefinitions"],
            "BillingMode": "PAY_PER_REQUEST",
        }
        for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
            if described.get(kind):
                expected = ("IndexName", "KeySchema", "Projection")
                parsed[kind] = [
                    {field: one[field] for field in expected} for one in described[kind]
                ]
        await self._call(headers, "CreateTable", parsed)
        page: dict[str, Any] = {"TableName": table, "ConsistentRead": True}
        while True:
            document = await self._call(headers, "Scan", page)
            for item in document.get("Items", ()):
                await self._call(headers, "PutItem", {"TableName": name, "Item": item})
            if not document.get("LastEvaluatedKey"):
                break
            page["ExclusiveStartKey"] = document["LastEvaluatedKey"]
        keys = tuple(key["AttributeName"] for key in described["KeySchema"])
        return _Copy(name=name, keys=keys, headers=headers)
