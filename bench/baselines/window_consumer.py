"""The consumer as it was when a truck's state was a window of 120 fixes, written with each batch.

Its cost is measured with its own sources, taken from this repository's history. A copy of only its
state's code would leave out other costs (whole windows decoded, folded and encoded, documents with
every field indexed), and a rewritten one need not cost the same. All else is as for the current
consumer: the daemon, the libraries, the node, the trucks.
"""

from __future__ import annotations

import io
import runpy
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from bench.figures import CannotMeasureError
from rtdts.delivery_store.items import to_attribute

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

COMMIT = "a676d77755da66441d5aa7c5accc3870330e3e81"
"""The last commit of that consumer."""

WINDOW_POINTS = 120
"""The window's default size."""

NAME = "the former consumer, which wrote a window of 120 fixes with each batch"

_PACKAGES = ("consumer", "rtdts")
_PROJECT = Path(__file__).parents[2]


def extract(folder: Path) -> Path:
    """Extracts the former consumer's sources from the history.

    Returns:
        The folder that holds them, for `variables`.

    Raises:
        CannotMeasureError: The history is not available.
    """
    command = ["git", "-C", str(_PROJECT), "archive", COMMIT, *_PACKAGES]
    try:
        archive = subprocess.run(command, capture_output=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise CannotMeasureError(
            f"the former consumer is commit {COMMIT[:7]} of this repository, and its history is "
            "not here: git fetch --unshallow (in a clone that is not shallow: git fetch)"
        ) from error
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(folder, filter="data")
    return folder


def variables(sources: Path) -> Mapping[str, str]:
    """The environment in which Python imports these sources from any working directory."""
    return {"PYTHONPATH": str(sources), "PYTHONSAFEPATH": "1"}


def write_matches(client: DynamoDBClient, table: str) -> None:
    """Converts all matches to its form: maps of attributes instead of strings.

    Args:
        client: A DynamoDB client.
        table: The trucks' matches.
    """
    for page in client.get_paginator("scan").paginate(TableName=table):
        for item in page["Items"]:
            matches = {
                delivery_id: to_attribute(msgspec.json.decode(match["S"]))
                for delivery_id, match in item["matches"]["M"].items()
                if "S" in match
            }
            if matches:
                client.put_item(TableName=table, Item={**item, "matches": {"M": matches}})


def positions_index(sources: Path) -> dict[str, Any]:
    """Mappings and settings of the former consumer's daily indexes."""
    defined = runpy.run_path(str(sources / "rtdts/position_store/index_definitions.py"))
    template = defined["index_templates"]()["truck-positions"]["template"]
    return {"mappings": template["mappings"], "settings": template["settings"]}
