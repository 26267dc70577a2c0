from __future__ import annotations

import dataclasses

from deploy.tables import SUBSCRIPTIONS, TABLES
from rtdts.delivery_store.schema import TableNames
from rtdts.delivery_store.subscriptions import Subscription


def test_every_table_has_a_name_and_every_name_a_table() -> None:
    names = [field.name for field in dataclasses.fields(TableNames)]

    assert [table.logical_name for table in TABLES] == names


def test_no_index_projects_the_whole_item() -> None:
    projections = {index.projection_type for table in TABLES for index in table.indexes}

    assert projections <= {"KEYS_ONLY", "INCLUDE"}


def test_a_round_reads_a_whole_subscription_from_its_index() -> None:
    by_bucket = next(index for index in SUBSCRIPTIONS.indexes if index.name == "by-bucket")
    keys = {key.name for key in SUBSCRIPTIONS.key_attributes}

    # Only a subscription to the fleet has a view, and it is in no round.
    needed = {*Subscription.__struct_fields__} - {"view"}
    assert needed <= keys | set(by_bucket.included)


def test_key_attributes_are_named_once() -> None:
    for table in TABLES:
        names = [key.name for key in table.key_attributes]
        assert len(names) == len(set(names)), table.logical_name
