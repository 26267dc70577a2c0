"""Terraform where there may be no network: with its real providers, or a stand-in for them.

Beside the project there may be a schema-only stand-in for the providers
(`../shared/terraform_aws_schema`): with it Terraform validates and runs tests with mocks, but has
no `init`. Without it the real providers are fetched once, into a cache.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from deploy.package import PROJECT

ROOT: Final = PROJECT / "deploy" / "terraform"
STAND_IN: Final = PROJECT.parent / "shared" / "terraform_aws_schema"
CACHE: Final = PROJECT / "build" / "terraform"


class TerraformAbsentError(Exception):
    """Terraform, or its providers, can't be had here; the message says what would bring them."""


class TerraformFailedError(Exception):
    """Terraform ended with an error; the message is what it said."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Terraform:
    """A Terraform that can validate and test a configuration.

    Attributes:
        program: The program.
        environ: Its environment, without the data folder.
        has_init: Whether providers come by `init`; else they are named in its configuration.
        root: The folder of modules and environments.
    """

    program: str
    environ: Mapping[str, str]
    has_init: bool
    root: Path = ROOT

    def prepare(self, folder: Path) -> None:
        """Gets a configuration's modules, and its providers where that is `init`'s business.

        Raises:
            TerraformFailedError: They can't be had.
        """
        if self.has_init:
            self.run(folder, "init", "-backend=false", "-input=false", "-no-color")
        else:
            self.run(folder, "get", "-no-color")

    def run(self, folder: Path, *arguments: str) -> str:
        """Runs it in a configuration's folder, and returns all that it printed.

        Raises:
            TerraformFailedError: It failed.
        """
        data = CACHE / "data" / folder.relative_to(self.root)
        with _alone():
            done = subprocess.run(  # noqa: S603 - a tool of ours
                [self.program, *arguments],
                cwd=folder,
                # Nothing is left among the sources.
                env={**self.environ, "TF_DATA_DIR": str(data)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        if done.returncode:
            raise TerraformFailedError(_without_warnings(done.stdout))
        return done.stdout

    def state_of_test(self, folder: Path, test_file: str, run: str) -> dict[str, Any]:
        """What a run of a test file with `command = apply` leads to, as its state.

        Args:
            folder: The configuration, prepared.
            test_file: The test file's path from there.
            run: Name of the run.

        Raises:
            TerraformFailedError: The test failed, or has no such run.
        """
        said = self.run(folder, "test", "-json", "-verbose", f"-filter={test_file}")
        for line in said.splitlines():
            # Warnings are lines as well; each message is of some megabytes.
            if '"type":"test_state"' in line and f'"@testrun":"{run}"' in line:
                return dict(json.loads(line)["test_state"])
        raise TerraformFailedError(f"{test_file} has no run {run!r} that applies")


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Of this clone's processes one at a time: its cache of modules and providers is but one."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def configurations() -> list[Path]:
    """The folders of every module and environment."""
    return sorted(
        {
            path.parent
            for kind in ("modules", "environments")
            for path in (ROOT / kind).glob("*/*.tf")
        }
    )


def find_terraform(environ: Mapping[str, str] = os.environ) -> Terraform:
    """The Terraform of this machine, with providers.

    Raises:
        TerraformAbsentError: There is none, or no providers for it.
    """
    program = shutil.which("terraform", path=environ.get("PATH"))
    if program is None:
        raise TerraformAbsentError("terraform is not installed (1.9 or later)")
    if (STAND_IN / "use.sh").is_file():
        return Terraform(program=program, environ={**environ, **_stand_in(environ)}, has_init=False)
    plugins = CACHE / "plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    terraform = Terraform(
        program=program,
        environ={**environ, "TF_PLUGIN_CACHE_DIR": str(plugins)},
        has_init=True,
    )
    try:
        terraform.prepare(ROOT / "modules" / "role")
    except TerraformFailedError as error:
        raise TerraformAbsentError(
            f"terraform has no providers: {STAND_IN} is not there, and no registry answers"
        ) from error
    return terraform


def _stand_in(environ: Mapping[str, str]) -> dict[str, str]:
    with _alone():
        said = subprocess.run(  # noqa: S603 - the stand-in's own script
            ["/bin/sh", str(STAND_IN / "use.sh"), str(CACHE / "offline")],
            env=dict(environ),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    found = re.search(r"TF_CLI_CONFIG_FILE='([^']+)'", said)
    if found is None:
        raise TerraformAbsentError(f"{STAND_IN} says {said!r}")
    return {"TF_CLI_CONFIG_FILE": found.group(1)}


def _without_warnings(said: str) -> str:
    return "\n".join(_blocks_of_interest(said)) or said


def _blocks_of_interest(said: str) -> Iterator[str]:
    """The lines, but for boxes that only warn."""
    box: list[str] = []
    for line in said.splitlines():
        if line.startswith("╷"):
            box = [line]
        elif box:
            box.append(line)
            if line.startswith("╵"):
                if not any("Warning:" in inner for inner in box):
                    yield from box
                box = []
        else:
            yield line


def resources_of(state: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Every resource of a state: its address, its type, its values."""
    waiting = [state["root_module"]]
    while waiting:
        module = waiting.pop()
        for resource in module.get("resources", ()):
            if resource["mode"] == "managed":
                yield resource["address"], resource["type"], resource["values"]
        waiting.extend(module.get("child_modules", ()))
