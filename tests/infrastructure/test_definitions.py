"""The values that Terraform gets from the code are those of the code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from deploy.definitions import FILE_NAME, definitions, write_definitions
from deploy.kcl_tables import NAME_SUFFIXES
from sim.local_cloud.kcl_tables import create_kcl_tables
from tests.support.recording_cloud import RecordingClient, Request


def test_the_definitions_file_is_written_even_over_an_older_one(tmp_path: Path) -> None:
    for before in (None, "{}"):
        if before is not None:
            (tmp_path / FILE_NAME).write_text(before)

        write_definitions(tmp_path)

        assert json.loads((tmp_path / FILE_NAME).read_text()) == definitions()
        assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_the_defined_tables_of_the_kcl_are_those_of_the_local_cloud() -> None:
    requests: list[Request] = []
    create_kcl_tables(RecordingClient("dynamodb", requests), "app", [])  # type: ignore[arg-type]

    made = {one.arguments["TableName"]: one.arguments for one in requests}
    assert made.keys() == {f"app{suffix}" for suffix in NAME_SUFFIXES.values()}
    for table, suffix in NAME_SUFFIXES.items():
        requested: dict[str, Any] = made[f"app{suffix}"]
        assert requested["KeySchema"] == [{"AttributeName": table.hash_key.name, "KeyType": "HASH"}]
        indexes = [index["IndexName"] for index in requested.get("GlobalSecondaryIndexes", ())]
        assert indexes == [index.name for index in table.indexes]


def test_a_setting_without_a_default_is_required() -> None:
    settings = definitions()["functions"]["ingest"]["settings"]
    assert {name for name, need in settings.items() if need == "required"} == {
        "STREAM_NAME",
        "BLOCKED_IDENTITIES_TABLE",
        "DEVICE_CREDENTIALS_TABLE",
    }
    assert settings["IDENTITY_CLAIM"] == "optional"
