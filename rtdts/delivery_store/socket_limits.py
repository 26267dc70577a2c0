"""``socket-limits``: the open sockets of an identity, and how much of a rate is used up.

A Lambda container sees only its own requests, and the next frame may go to another one, so limits
across containers are counted here. Each count is one item, written conditionally, so that no limit
is exceeded by concurrent writers. Each count also recovers from missed updates by itself:

- A rate is kept as the time at which it is fully replenished (the generic cell rate algorithm, as
  in `rtdts.runtime.rate_limits`): a time in the past means the same as no item.
- The sockets of an identity are one attribute each, named after the connection. At the limit, a new
  socket replaces the oldest one. So a socket whose end was never reported is soon replaced.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from rtdts.delivery_store.schema import TTL_ATTRIBUTE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        UniversalAttributeValueTypeDef,
        UpdateItemInputTypeDef,
    )

RETENTION_MS: Final = 3 * 60 * 60 * 1000
"""Longer than any socket lives (two hours), and than any rate takes to replenish fully."""

_MS_PER_MINUTE: Final = 60_000
_ATTEMPTS: Final = 4
"""Each time that a condition fails, another writer was successful."""
_SOCKET: Final = "socket:"
"""Prefix of the sockets' attributes."""
_EXPIRES: Final = f"{TTL_ATTRIBUTE} = :expires"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rate:
    """A number of units per minute, of which `burst` may be taken at once."""

    per_minute: float
    burst: int

    @property
    def ms_per_unit(self) -> int:
        """The time to replenish a unit, in ms; at least 1."""
        return max(1, round(_MS_PER_MINUTE / self.per_minute))


class SocketLimitStore:
    """Counts across all containers."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def try_acquire(self, key: str, rate: Rate, now_ms: int) -> bool:
        """Acquires a unit of a rate, unless it is used up.

        Returns:
            Whether a unit was acquired. False also when other writers acquired units during every
            attempt.
        """
        unit_ms = rate.ms_per_unit
        # A unit may be acquired while `full_at_ms` is no later than this.
        last_ms = now_ms + (rate.burst - 1) * unit_ms
        for _ in range(_ATTEMPTS):
            current = self._update(
                key,
                f"SET full_at_ms = :taken, {_EXPIRES}",
                "attribute_not_exists(full_at_ms) OR full_at_ms <= :now",
                {":taken": now_ms + unit_ms, ":now": now_ms},
                now_ms,
            )
            if current is None:
                return True
            if _number(current, "full_at_ms") > last_ms:
                return False
            current = self._update(
                key,
                f"SET full_at_ms = full_at_ms + :unit, {_EXPIRES}",
                "full_at_ms > :now AND full_at_ms <= :last",
                {":unit": unit_ms, ":now": now_ms, ":last": last_ms},
                now_ms,
            )
            if current is None:
                return True
            if _number(current, "full_at_ms") > last_ms:
                return False
        return False

    def add_socket(
        self, key: str, connection_id: str, *, max_sockets: int, now_ms: int
    ) -> str | None:
        """Adds a socket to an identity.

        Args:
            key: The identity.
            connection_id: The socket; adding it again does not count twice.
            max_sockets: How many sockets the identity may have.
            now_ms: The time.

        Returns:
            None when it was added; at the limit, the oldest socket's connection instead.
        """
        name = _SOCKET + connection_id
        current = self._update(
            key,
            f"SET #new = :now, {_EXPIRES} ADD open_sockets :one",
            "attribute_not_exists(#new) AND "
            "(attribute_not_exists(open_sockets) OR open_sockets < :max_sockets)",
            {":now": now_ms, ":one": 1, ":max_sockets": max_sockets},
            now_ms,
            {"#new": name},
        )
        if current is None or name in current:
            return None
        return _oldest(current)

    def replace_socket(self, key: str, oldest: str, connection_id: str, *, now_ms: int) -> bool:
        """Replaces the oldest socket with a new one; returns whether the old one still existed."""
        current = self._update(
            key,
            f"SET #new = :now, {_EXPIRES} REMOVE #oldest",
            "attribute_exists(#oldest) AND attribute_not_exists(#new)",
            {":now": now_ms},
            now_ms,
            {"#new": _SOCKET + connection_id, "#oldest": _SOCKET + oldest},
        )
        return current is None or _SOCKET + connection_id in current

    def remove_socket(self, key: str, connection_id: str, now_ms: int) -> None:
        """Removes a socket from an identity, if it exists."""
        self._update(
            key,
            f"SET {_EXPIRES} REMOVE #gone ADD open_sockets :less",
            "attribute_exists(#gone)",
            {":less": -1},
            now_ms,
            {"#gone": _SOCKET + connection_id},
        )

    def _update(
        self,
        key: str,
        update: str,
        condition: str,
        values: Mapping[str, int],
        now_ms: int,
        names: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any] | None:
        """Updates an item on a condition; returns None, or the item if the condition failed."""
        numbers = {**values, ":expires": (now_ms + RETENTION_MS) // 1000}
        attributes: dict[str, UniversalAttributeValueTypeDef] = {
            name: {"N": str(number)} for name, number in numbers.items()
        }
        request: UpdateItemInputTypeDef = {
            "TableName": self._table,
            "Key": {"limit_of": {"S": key}},
            "UpdateExpression": update,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": attributes,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if names:  # DynamoDB rejects an empty map
            request["ExpressionAttributeNames"] = names
        try:
            self._client.update_item(**request)
        except self._client.exceptions.ConditionalCheckFailedException as error:
            response: Mapping[str, Any] = error.response
            return dict(response.get("Item", {}))
        return None


def _number(item: Mapping[str, Any], name: str) -> int:
    return int(item.get(name, {"N": "0"})["N"])


def _oldest(item: Mapping[str, Any]) -> str:
    opened = {name: int(at["N"]) for name, at in item.items() if name.startswith(_SOCKET)}
    return min(opened, key=lambda name: (opened[name], name)).removeprefix(_SOCKET)
