"""Terraform with its providers: from a registry, or as configured for its CLI.

Without a registry, a CLI configuration (``TF_CLI_CONFIG_FILE``) may override where providers are
(``dev_overrides``). With overrides Terraform validates and runs tests with mocks, but has no
`init`. Without them the providers are fetched once, into a cache.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from deploy.definitions import write_definitions
from deploy.lambdas import DEPLOYED_PACKAGES
from deploy.package import PROJECT

ROOT: Final = PROJECT / "deploy" / "terraform"
CACHE: Final = PROJECT / "build" / "terraform"


class TerraformAbsentError(Exception):
    """Terraform or its providers are missing here; the message says how to get them."""


class TerraformFailedError(Exception):
    """Terraform ended with an error; the message is its output."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Terraform:
    """A Terraform that can validate and test a configuration.

    Attributes:
        program: The program.
        environ: Its environment, without the data folder.
        has_init: Whether `init` fetches providers; otherwise the CLI configuration names them.
        root: The folder of modules and environments.
    """

    program: str
    environ: Mapping[str, str]
    has_init: bool
    root: Path = ROOT

    def prepare(self, folder: Path) -> None:
        """Gets a configuration's modules, its providers if `init` fetches them, and packages.

        Raises:
            TerraformFailedError: They can't be fetched.
        """
        packages = self.root / "testing" / "packages"  # stand-ins for `make package`
        write_definitions(packages)
        for package in DEPLOYED_PACKAGES:
            (packages / f"{package.name}.zip").touch()
        if self.has_init:
            self.run(folder, "init", "-backend=false", "-input=false", "-no-color")
        else:
            self.run(folder, "get", "-no-color")

    def run(self, folder: Path, *arguments: str) -> str:
        """Runs Terraform in a configuration's folder, and returns all its output.

        Raises:
            TerraformFailedError: It failed.
        """
        data = CACHE / "data" / folder.relative_to(self.root)
        with _cache(changed=arguments[0] in ("init", "get")):
            done = subprocess.run(  # noqa: S603 - a tool of ours
                [self.program, *arguments],
                cwd=folder,
                # No files are left in the source tree. Each test run decodes the providers' schemas
                # again: collecting that garbage less often saves a third of the time.
                env={"GOGC": "400", **self.environ, "TF_DATA_DIR": str(data)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        if done.returncode:
            short = _errors_in_json if "-json" in arguments else _without_warnings
            raise TerraformFailedError(short(done.stdout) or done.stdout)
        return done.stdout

    def test_of_environment(self, folder: Path) -> tuple[int, dict[str, Any]]:
        """Runs an environment's tests.

        Args:
            folder: The environment, prepared.

        Returns:
            How many test runs passed, and the state to which the run `whole` leads.

        Raises:
            TerraformFailedError: A test failed, or `whole` is absent or only plans.
        """
        passed, state = 0, None
        for line in self.run(folder, "test", "-json", "-verbose").splitlines():
            # Each message has some megabytes, so only two kinds are parsed.
            if '"type":"test_state"' in line and '"@testrun":"whole"' in line:
                state = json.loads(line)["test_state"]
            elif '"type":"test_summary"' in line:
                passed = json.loads(line)["test_summary"]["passed"]
        if state is None:
            raise TerraformFailedError(f"no test of {folder.name} has a run 'whole' that applies")
        return passed, state


@contextlib.contextmanager
def _cache(*, changed: bool) -> Iterator[None]:
    """This clone's cache of modules and providers: read by many at once, or changed by one."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if changed else fcntl.LOCK_SH)
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
    if _overrides_providers(environ):
        return Terraform(program=program, environ=environ, has_init=False)
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
            "terraform has no providers: no registry can be reached, and TF_CLI_CONFIG_FILE "
            "names no configuration with dev_overrides"
        ) from error
    return terraform


def _overrides_providers(environ: Mapping[str, str]) -> bool:
    """Whether Terraform's CLI configuration names the providers (they then need no init)."""
    named = environ.get("TF_CLI_CONFIG_FILE")
    if not named:
        return False
    try:
        return "dev_overrides" in Path(named).read_text(encoding="utf-8")
    except OSError as error:
        raise TerraformAbsentError(f"TF_CLI_CONFIG_FILE can't be read: {error}") from error


def _errors_in_json(output: str) -> str:
    found = [json.loads(line) for line in output.splitlines() if '"@level":"error"' in line]
    return "\n".join(
        f"{line.get('@testrun', '')} {line['@message']}: {line['diagnostic'].get('detail', '')}"
        for line in found
    )


def _without_warnings(output: str) -> str:
    return "\n".join(_blocks_of_interest(output))


def _blocks_of_interest(output: str) -> Iterator[str]:
    """The lines, except boxes with warnings only."""
    box: list[str] = []
    for line in output.splitlines():
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
