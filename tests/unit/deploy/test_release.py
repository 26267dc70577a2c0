"""The order of a release, against tools that only record their calls."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from deploy.images import BROADCASTER, CONSUMER, Context
from deploy.release import (
    BACKEND_FILE,
    TERRAFORM,
    VARIABLES_FILE,
    Release,
    ReleaseError,
    ReleaseTarget,
)
from deploy.shell import CommandFailedError
from tests.support.source_tree import ROOT

CONTEXTS = {
    image.name: Context(image=image, folder=Path("build") / image.name, tag=f"{image.name}tag")
    for image in (CONSUMER, BROADCASTER)
}
REPOSITORIES = {name: f"1.dkr.ecr.example/rtdts-dev-{name}" for name in CONTEXTS}
TARGET = ReleaseTarget(environment="dev", region="eu-central-1")


class FakeShell:
    """Responds as the tools would in an account where nothing has been deployed yet."""

    def __init__(self, folder: Path, *, terraform: str = "1.11.4") -> None:
        self.folder = folder
        self.requested: list[str] = []
        self.shown: list[str] = []
        self.given: list[str] = []
        self.folders: set[Path | None] = set()
        self.terraform = terraform
        self.has_bucket = False
        self.pushed: set[str] = set()
        self.rejects_bucket = False

    def show(self, command: Sequence[str], *, cwd: Path | None = None) -> None:
        self.shown.append(" ".join(command))
        self.folders.add(cwd)

    def read(self, command: Sequence[str], *, standard_input: str = "") -> str:
        text = " ".join(command)
        self.requested.append(text)
        self.given.append(standard_input)
        if text == "terraform version -json":
            return json.dumps({"terraform_version": self.terraform})
        if "get-caller-identity" in text:
            return json.dumps({"Account": "123456789012"})
        if "head-bucket" in text and self.rejects_bucket:
            raise CommandFailedError(command, 254, "An error occurred (403): Forbidden")
        if "head-bucket" in text and not self.has_bucket:
            raise CommandFailedError(command, 254, "An error occurred (404): Not Found")
        if "output" in command and "image_repositories" in command:
            return json.dumps(REPOSITORIES)
        if "describe-images" in text and command[-5].removeprefix("imageTag=") not in self.pushed:
            raise CommandFailedError(command, 254, "An error occurred (ImageNotFoundException)")
        return "{}" if "--output" in command else "password"

    def index(self, start: str) -> int:
        return next(index for index, text in enumerate(self.shown) if text.startswith(start))


def release(shell: FakeShell, target: ReleaseTarget = TARGET) -> Release:
    return Release(shell, target, CONTEXTS, folder=shell.folder, report=lambda _what: None)


def variables(folder: Path) -> dict[str, Any]:
    """Returns the variables that Terraform reads by itself from then on."""
    return dict(json.loads((folder / VARIABLES_FILE).read_text()))


def test_pushing_images_creates_repositories_and_leaves_the_rest_to_terraform(
    tmp_path: Path,
) -> None:
    shell = FakeShell(tmp_path)

    release(shell).push_images()

    assert [" ".join(text.split()[:2]) for text in shell.shown] == [
        "terraform init",
        "terraform apply",
        "docker build",
        "docker push",
        "docker build",
        "docker push",
    ]
    assert "-target=module.system.aws_ecr_repository.this" in shell.shown[1]


@pytest.mark.parametrize(
    ("environment", "to_be_set"),
    [("dev", set()), ("prod", {"issuer", "audience", "alarms", "domains"})],
)
def test_terraform_by_hand_needs_only_productions_required_input(
    environment: str, to_be_set: set[str], tmp_path: Path
) -> None:
    files = (ROOT / TERRAFORM / environment).glob("*variables.tf")
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    blocks = re.findall(r'^variable "(\w+)" {\n(.*?)^}', text, re.M | re.S)
    required = {name for name, block in blocks if not re.search(r"^  default\b", block, re.M)}

    release(FakeShell(tmp_path)).push_images()

    assert required - variables(tmp_path).keys() == to_be_set
    assert variables(tmp_path).keys() <= {name for name, _ in blocks}


def test_a_release_creates_repositories_then_pushes_images_then_applies_everything(
    tmp_path: Path,
) -> None:
    shell = FakeShell(tmp_path)

    release(shell).apply(confirms=True)

    kinds = [" ".join(text.split()[:2]) for text in shell.shown]
    assert kinds == [
        "terraform init",
        "terraform apply",
        "docker build",
        "docker push",
        "docker build",
        "docker push",
        "terraform apply",
    ]
    assert "-target=module.system.aws_ecr_repository.this" in shell.shown[1]
    assert "-target" not in shell.shown[-1]
    assert shell.folders >= {tmp_path}


def test_an_image_that_was_already_pushed_is_not_built_again(tmp_path: Path) -> None:
    shell = FakeShell(tmp_path)
    shell.pushed = {context.tag for context in CONTEXTS.values()}

    release(shell).apply(confirms=True)

    assert not [text for text in shell.shown if text.startswith("docker")]


def test_the_pushed_image_is_the_one_that_terraform_is_given(tmp_path: Path) -> None:
    shell = FakeShell(tmp_path)

    release(shell).apply(confirms=True)

    tags = {name: context.tag for name, context in CONTEXTS.items()}
    assert variables(tmp_path)["image_tags"] == tags
    for name, context in CONTEXTS.items():
        assert f"docker push {REPOSITORIES[name]}:{context.tag}" in shell.shown


def test_the_password_is_never_an_argument(tmp_path: Path) -> None:
    shell = FakeShell(tmp_path)

    release(shell).apply(confirms=True)

    login = next(text for text in shell.requested if text.startswith("docker login"))
    assert shell.given[shell.requested.index(login)] == "password"
    assert login.split()[3:] == ["AWS", "--password-stdin", "1.dkr.ecr.example"]


def test_terraform_applies_without_confirmation_only_on_request(tmp_path: Path) -> None:
    requesting, silent = FakeShell(tmp_path), FakeShell(tmp_path)

    release(requesting).apply(confirms=True)
    release(silent).apply(confirms=False)

    assert "-auto-approve" not in requesting.shown[-1]
    assert "-auto-approve" in silent.shown[-1]


def test_the_bucket_of_terraforms_state_is_created_once_without_public_access(
    tmp_path: Path,
) -> None:
    new, known = FakeShell(tmp_path), FakeShell(tmp_path)
    known.has_bucket = True

    release(new).apply(confirms=True)
    release(known).apply(confirms=True)

    made = [text.split()[2] for text in new.requested if text.startswith("aws s3api")]
    assert made == [
        "head-bucket",
        "create-bucket",
        "put-public-access-block",
        "put-bucket-versioning",
        "put-bucket-lifecycle-configuration",
    ]
    assert [text.split()[2] for text in known.requested if "s3api" in text] == ["head-bucket"]


def test_a_bucket_of_another_account_is_not_mistaken_for_a_missing_one(tmp_path: Path) -> None:
    shell = FakeShell(tmp_path)
    shell.rejects_bucket = True

    with pytest.raises(CommandFailedError):
        release(shell).apply(confirms=True)

    assert not shell.shown


@pytest.mark.parametrize(("version", "locks"), [("1.9.8", False), ("1.10.0", True)])
def test_the_state_is_locked_if_terraforms_version_supports_it(
    version: str, locks: bool, tmp_path: Path
) -> None:
    shell = FakeShell(tmp_path, terraform=version)

    release(shell).apply(confirms=True)

    backend = (tmp_path / BACKEND_FILE).read_text()
    assert ("use_lockfile = true\n" in backend) is locks
    assert 'bucket = "rtdts-terraform-123456789012-eu-central-1"\n' in backend
    assert 'key = "dev/terraform.tfstate"\n' in backend
    assert f"-backend-config={BACKEND_FILE}" in shell.shown[0]


def test_an_old_terraform_is_rejected_before_anything_is_created(tmp_path: Path) -> None:
    shell = FakeShell(tmp_path, terraform="1.8.5")

    with pytest.raises(ReleaseError, match=r"1\.9"):
        release(shell).apply(confirms=True)

    assert not shell.shown
    assert not [text for text in shell.requested if text.startswith("aws")]


def test_images_and_tasks_have_the_same_cpu_architecture(tmp_path: Path) -> None:
    shell = FakeShell(tmp_path)

    release(
        shell, ReleaseTarget(environment="prod", region="us-east-1", platform="linux/amd64")
    ).apply(confirms=True)

    assert variables(tmp_path)["cpu_architecture"] == "X86_64"
    assert "--platform linux/amd64" in shell.shown[shell.index("docker build")]
    assert not [text for text in shell.requested if "LocationConstraint" in text]


def test_destroying_an_environment_builds_and_pushes_nothing(tmp_path: Path) -> None:
    shell = FakeShell(tmp_path)

    release(shell).destroy(confirms=False)

    assert [" ".join(text.split()[:2]) for text in shell.shown] == [
        "terraform init",
        "terraform destroy",
    ]
