"""`make images` as a command, with tools that only record their commands: no Docker is needed.

Only a real deployment shows that the images build and that a registry accepts them.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.__main__ import main
from deploy.images import IMAGES
from sim.setup.places import find_places
from tests.fakes import fake_deploy_tools


class Account:
    """An AWS account and an environment's folder, both empty at first."""

    def __init__(self, folder: Path) -> None:
        self.tools = folder / "tools"
        self.environment = folder / "environments" / "dev"
        self.environment.mkdir(parents=True)
        self.tools.mkdir()
        source = Path(fake_deploy_tools.__file__).read_text(encoding="utf-8")
        for name in ("aws", "docker", "terraform"):
            program = self.tools / name
            program.write_text(f"#!{sys.executable}\n{source}", encoding="utf-8")
            program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def run(self, *arguments: str) -> int:
        options = ["--env", "dev", "--region", "eu-central-1", *arguments]
        return main(options, terraform=self.environment.parent)

    @property
    def commands(self) -> list[str]:
        return (self.tools / "commands").read_text(encoding="utf-8").splitlines()

    def requested(self, *beginnings: str) -> list[str]:
        return [one for one in self.commands if one.startswith(beginnings)]


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    account = Account(tmp_path)
    monkeypatch.setenv("PATH", f"{account.tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_TOOLS", str(account.tools))
    monkeypatch.setenv("UV", str(find_places().uv))
    return account


def words(commands: Sequence[str]) -> list[str]:
    return [" ".join(command.split()[:2]) for command in commands]


def test_repositories_are_created_and_every_image_is_built_and_pushed(account: Account) -> None:
    assert account.run("--images") == 0
    assert words(account.requested("terraform init", "terraform apply", "docker")) == [
        "terraform init",
        "terraform apply",
        *["docker login", "docker build", "docker push"] * len(IMAGES),
    ]
    assert (
        "-target=module.system.aws_ecr_repository.this" in account.requested("terraform apply")[0]
    )
    pushed = {command.split()[-1] for command in account.requested("docker push")}
    tags = json.loads((account.environment / "deploy.auto.tfvars.json").read_text())["image_tags"]
    assert pushed == {
        f"{fake_deploy_tools.HOST}/rtdts-dev-{name}:{tag}" for name, tag in tags.items()
    }
    assert fake_deploy_tools.PASSWORD not in "".join(account.commands)


def test_a_second_run_builds_no_image(account: Account) -> None:
    account.run("--images")
    before = len(account.requested("docker"))

    assert account.run("--images") == 0
    assert len(account.requested("docker")) == before


def test_a_failed_build_sets_the_exit_code_and_nothing_is_pushed(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    program = account.tools / "docker"
    source = program.read_text(encoding="utf-8")
    program.write_text(source.replace("def build(image: str", "build = lambda *_: 1\ndef _(i: str"))

    assert account.run("--images") == 1
    assert "docker build" in capsys.readouterr().err
    assert not account.requested("docker push")


def test_images_and_destroy_cannot_be_combined(account: Account) -> None:
    with pytest.raises(SystemExit):
        account.run("--images", "--destroy")
