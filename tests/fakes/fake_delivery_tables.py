"""The tables of deliveries, with the SDK's calls that `DeliveryStore.append` makes."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from rtdts.delivery_store.items import from_attribute, from_item
from rtdts.delivery_store.schema import ERASED_ATTRIBUTE, TTL_ATTRIBUTE, TableNames
from rtdts.tracking.deliveries import Delivery, DeliveryEvent, OpenMatch
from rtdts.tracking.truck_stops import Stop
from tests.fakes.aws_limits import breach
from tests.fakes.scripted_client import cancelled, client_error

TABLES = TableNames(
    deliveries="deliveries",
    delivery_events="delivery-events",
    truck_matches="truck-matches",
    subscriptions="subscriptions",
    socket_tickets="socket-tickets",
)


class FakeDeliveryTables:
    """Accepts the transactions that DynamoDB would accept.

    Attributes:
        rows: Deliveries by id.
        logs: Events in order, by delivery id.
        expiries_s: When each event of a log expires, in order; by delivery id.
        matches: Matches by truck and delivery.
        stops: Stops by truck and delivery.
        erased: Deliveries with a tombstone.
        changed_at_ms: When a delivery last left a truck, or the order of its stops changed.
        transactions: How many writes each transaction had.
        before_transaction: Called before each transaction is checked.
    """

    def __init__(self) -> None:
        self.rows: dict[str, Delivery] = {}
        self.logs: dict[str, list[DeliveryEvent]] = {}
        self.expiries_s: dict[str, list[int | None]] = {}
        self.matches: dict[str, dict[str, OpenMatch]] = {}
        self.erased: set[str] = set()
        self.stops: dict[str, dict[str, Stop]] = {}
        self.changed_at_ms: dict[str, Any] = {}
        self.transactions: list[int] = []
        self.before_transaction: Callable[[], None] = lambda: None

    def get_item(self, **request: Any) -> dict[str, Any]:
        """Returns only tombstones: all other rows are read directly from `rows`."""
        delivery_id = request["Key"]["delivery_id"]
        if delivery_id["S"] not in self.erased:
            return {}
        return {"Item": {"delivery_id": delivery_id, ERASED_ATTRIBUTE: {"N": "1"}}}

    def update_item(self, **request: Any) -> dict[str, Any]:
        if code := breach("update_item", request):
            raise client_error(code)
        self.matches.setdefault(request["Key"]["truck_id"]["S"], {})
        return {}

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        self.before_transaction()
        if code := breach("transact_write_items", request):
            raise client_error(code)
        writes = [write for action in request["TransactItems"] for write in action.values()]
        codes = [self._code(write) for write in writes]
        if any(code != "None" for code in codes):
            raise cancelled(*codes)
        for write in writes:
            self._apply(write)
        self.transactions.append(len(writes))
        return {}

    def _code(self, write: Mapping[str, Any]) -> str:
        condition = write.get("ConditionExpression")
        if condition is not None and not _holds(condition, self._stored(write), write):
            return "ConditionalCheckFailed"
        if write["TableName"] == TABLES.truck_matches and self._outgrows(write):
            return "ValidationError"
        return "None"

    def _outgrows(self, write: Mapping[str, Any]) -> bool:
        """Returns whether a truck's item would be too large after writing one of its matches."""
        truck_id, values = write["Key"]["truck_id"]["S"], _part(write, "Values")
        if ":match" not in values:
            return False  # it becomes smaller
        delivery_id = _part(write, "Names")["#delivery"]
        stops = self.stops.get(truck_id, {})
        matches = {
            one: {"S": _encoded(match, stops.get(one))}
            for one, match in self.matches.get(truck_id, {}).items()
        }
        item = {
            "truck_id": {"S": truck_id},
            "matches": {"M": {**matches, delivery_id: values[":match"]}},
        }
        return breach("put_item", {"Item": item}) is not None

    def _stored(self, write: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns the attributes of a write's item that conditions check."""
        key = write.get("Key") or write["Item"]
        match write["TableName"]:
            case TABLES.deliveries:
                row = self.rows.get(key["delivery_id"]["S"])
                if row is None:
                    is_erased = key["delivery_id"]["S"] in self.erased
                    return {"delivery_id": key["delivery_id"]["S"]} if is_erased else {}
                return {**msgspec.to_builtins(row), "truck_id": row.truck_id}
            case TABLES.delivery_events:
                log = self.logs.get(key["delivery_id"]["S"], [])
                is_there = any(str(one.version) == key["version"]["N"] for one in log)
                return {"delivery_id": key["delivery_id"]["S"]} if is_there else {}
            case _:
                return {"matches": self.matches.get(key["truck_id"]["S"], {})}

    def _apply(self, write: Mapping[str, Any]) -> None:
        match write["TableName"]:
            case TABLES.deliveries:
                row = from_item(write["Item"], Delivery)
                self.rows[row.delivery_id] = row
            case TABLES.delivery_events if "Item" in write:
                event = from_item(write["Item"], DeliveryEvent)
                self.logs.setdefault(event.delivery_id, []).append(event)
                expires = write["Item"].get(TTL_ATTRIBUTE)
                self.expiries_s.setdefault(event.delivery_id, []).append(
                    int(expires["N"]) if expires else None
                )
            case TABLES.delivery_events:
                place = int(write["Key"]["version"]["N"]) - 1
                expires_at_s = int(write["ExpressionAttributeValues"][":expires"]["N"])
                self.expiries_s[write["Key"]["delivery_id"]["S"]][place] = expires_at_s
            case _:
                self._match(write)

    def _match(self, write: Mapping[str, Any]) -> None:
        delivery_id = write["ExpressionAttributeNames"]["#delivery"]
        of_truck = self.matches.setdefault(write["Key"]["truck_id"]["S"], {})
        truck_id = write["Key"]["truck_id"]["S"]
        values = _values(write)
        if ":at" in write["UpdateExpression"]:
            self.changed_at_ms[truck_id] = values[":at"]
        stops = self.stops.setdefault(truck_id, {})
        if "REMOVE" in write["UpdateExpression"]:
            of_truck.pop(delivery_id, None)
            stops.pop(delivery_id, None)
        else:
            of_truck[delivery_id] = msgspec.json.decode(values[":match"], type=OpenMatch)
            stops[delivery_id] = msgspec.json.decode(values[":match"], type=Stop)


@functools.lru_cache(1_024)
def _encoded(match: OpenMatch, stop: Stop | None) -> str:
    """Returns a match as `encode_match` writes it."""
    place = {} if stop is None else msgspec.to_builtins(stop)
    return msgspec.json.encode({**msgspec.to_builtins(match), **place}).decode()


def _holds(expression: str, item: Mapping[str, Any], write: Mapping[str, Any]) -> bool:
    """Returns whether a condition is true, for the part of DynamoDB's language that we use.

    Raises:
        NotImplementedError: The condition uses another part of it.
    """
    for word, combine in ((" OR ", any), (" AND ", all)):
        if word in expression:
            return combine(_holds(term, item, write) for term in expression.split(word))
    values = _values(write)
    if found := re.fullmatch(r"attribute_(not_)?exists\((\S+)\)", expression):
        return (_at(found[2], item, write) is None) is bool(found[1])
    if found := re.fullmatch(r"size\((\S+)\) < (:\w+)", expression):
        return len(_at(found[1], item, write) or ()) < values[found[2]]
    if found := re.fullmatch(r"(\S+) = (:\w+)", expression):
        return bool(_at(found[1], item, write) == values[found[2]])
    raise NotImplementedError(expression)


def _at(path: str, item: Any, write: Mapping[str, Any]) -> Any:
    for name in path.split("."):
        item = (item or {}).get(_part(write, "Names").get(name, name))
    return item


def _values(write: Mapping[str, Any]) -> dict[str, Any]:
    return {name: from_attribute(v) for name, v in _part(write, "Values").items()}


def _part(write: Mapping[str, Any], which: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = write.get(f"ExpressionAttribute{which}", {})
    return found
