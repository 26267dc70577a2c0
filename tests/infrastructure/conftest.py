"""The environments' planned resources, from their own tests with mocked providers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.terraform_tools import ROOT, Terraform, TerraformAbsentError, find_terraform
from tests.support.made_once import made_once


@pytest.fixture(scope="session")
def terraform() -> Terraform:
    try:
        return find_terraform()
    except TerraformAbsentError as error:
        pytest.skip(f"{error}; with a network: install terraform")


@pytest.fixture(scope="session")
def state_of(
    terraform: Terraform, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], dict[str, Any]]:
    """Returns the state after a mocked apply of an environment; each is created once.

    If the checks in the same CI run have created them, ENVIRONMENT_STATES names their folder.
    """
    known: dict[str, dict[str, Any]] = {}

    def applied(environment: str) -> dict[str, Any]:
        if (kept := os.environ.get("ENVIRONMENT_STATES")) is not None:
            made: dict[str, Any] = json.loads((Path(kept) / f"{environment}.json").read_text())
            return made
        folder = ROOT / "environments" / environment
        terraform.prepare(folder)
        return terraform.test_of_environment(folder)[1]

    def state(environment: str) -> dict[str, Any]:
        if environment not in known:
            known[environment] = made_once(
                tmp_path_factory, f"state of {environment}", lambda: applied(environment)
            )
        return known[environment]

    return state
