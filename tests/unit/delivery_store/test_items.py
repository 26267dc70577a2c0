from __future__ import annotations

import math
from typing import Any

import pytest

from rtdts.delivery_store.items import chunks, from_attribute, from_item, to_attribute, to_item
from rtdts.tracking.deliveries import Delivery, Place
from tests.support.deliveries import new_delivery


@pytest.mark.parametrize(
    "value",
    ["", "☎", 0, -7, 2**63, 1.5, -0.25, 1e-7, 1e300, True, False, {"a": {"b": [1, "x"]}}, []],
)
def test_an_item_decodes_to_its_value(value: object) -> None:
    attribute: Any = to_attribute(value)
    back = from_attribute(attribute)

    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, None, b"bytes", object()])
def test_a_value_that_dynamodb_cannot_hold_is_rejected(value: object) -> None:
    with pytest.raises(TypeError):
        to_attribute(value)


def test_missing_values_are_left_out_at_every_depth() -> None:
    item: Any = to_item(new_delivery(), truck_id="T-1", nothing=None)

    assert {"window", "closed_at_ms", "nothing"}.isdisjoint(item)
    assert "ended_at_ms" not in item["assignments"]["L"][0]["M"]
    assert item["truck_id"] == {"S": "T-1"}


def test_a_whole_number_is_decoded_as_a_float_where_a_float_is_expected() -> None:
    # DynamoDB returns 35.0 as 35.
    item: Any = {"lat": {"N": "35"}, "lon": {"N": "129.5"}, "radius_m": {"N": "1E+2"}}
    place = from_item(item, Place)

    assert place == Place(lat=35.0, lon=129.5, radius_m=100.0)
    assert isinstance(place.lat, float)


def test_attributes_that_only_keys_need_are_ignored_when_read() -> None:
    delivery = new_delivery()
    item: Any = to_item(delivery, truck_id="T-1", bucket=7)

    assert from_item(item, Delivery) == delivery


def test_an_attribute_of_an_unused_type_is_rejected() -> None:
    with pytest.raises(TypeError):
        from_attribute({"SS": ["a"]})


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (2, [2]), (3, [2, 1]), (4, [2, 2])])
def test_all_chunks_but_the_last_are_full(count: int, sizes: list[int]) -> None:
    cut = list(chunks(range(count), 2))

    assert [len(chunk) for chunk in cut] == sizes
    assert [value for chunk in cut for value in chunk] == list(range(count))
