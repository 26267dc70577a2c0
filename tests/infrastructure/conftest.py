"""What the environments would be in an account: from their own tests, with mocked providers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from deploy.terraform_tools import ROOT, Terraform, TerraformAbsentError, find_terraform


@pytest.fixture(scope="session")
def terraform() -> Terraform:
    try:
        return find_terraform()
    except TerraformAbsentError as error:
        pytest.skip(f"{error}; with a network: install terraform")


@pytest.fixture(scope="session")
def state_of(terraform: Terraform) -> Callable[[str], dict[str, Any]]:
    """The state that a mocked apply of an environment leads to, each made once."""
    known: dict[str, dict[str, Any]] = {}

    def state(environment: str) -> dict[str, Any]:
        if environment not in known:
            folder = ROOT / "environments" / environment
            terraform.prepare(folder)
            known[environment] = terraform.state_of_test(
                folder, f"tests/{environment}.tftest.hcl", "whole"
            )
        return known[environment]

    return state
