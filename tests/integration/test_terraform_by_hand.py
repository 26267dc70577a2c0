"""After `make images`, Terraform by hand needs no input: a real one, with its state in S3.

Its configuration is only development's variables, since not every machine has the providers.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import boto3
import pytest

from deploy.images import IMAGES, Context
from deploy.release import BACKEND_FILE, TERRAFORM, Release, ReleaseTarget
from tests.support.ministack_process import REGION, running_ministack
from tests.support.source_tree import ROOT

ACCOUNT = "123456789012"
BUCKET = f"rtdts-terraform-{ACCOUNT}-{REGION}"
CONFIGURATION = """
terraform {
  backend "s3" {}
}

output "given" {
  value = "${var.region} ${var.image_tags.consumer} ${var.cpu_architecture}"
}
"""
EMULATED = "use_path_style = true\nskip_credentials_validation = true\n"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


class OwnTerraform:
    """A shell with a real Terraform, and other tools that always succeed."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = environ

    def show(self, command: Sequence[str], *, cwd: Path | None = None) -> None:
        if command[0] == "terraform":
            if command[1] == "init":
                with (self._folder / BACKEND_FILE).open("a", encoding="utf-8") as backend:
                    backend.write(EMULATED)
            self.terraform(*command[1:])

    def read(self, command: Sequence[str], *, standard_input: str = "") -> str:
        if command[0] == "terraform" and "output" not in command:
            return self.terraform(*command[1:])
        if "image_repositories" in command:
            return "".join(["{", ",".join(f'"{i.name}": "host/{i.name}"' for i in IMAGES), "}"])
        return f'{{"Account": "{ACCOUNT}"}}'

    def terraform(self, *arguments: str) -> str:
        done = subprocess.run(
            ["terraform", *arguments],
            cwd=self._folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[str]:
    with running_ministack(tmp_path) as url:
        client = boto3.client(
            "s3",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        client.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        yield url


@pytest.mark.skipif(shutil.which("terraform") is None, reason="install terraform (1.9 or later)")
def test_terraform_by_hand_needs_no_input_and_keeps_its_state_in_the_bucket(
    s3: str, tmp_path: Path
) -> None:
    folder = tmp_path / "dev"
    folder.mkdir()
    (folder / "main.tf").write_text(CONFIGURATION, encoding="utf-8")
    for file in (ROOT / TERRAFORM / "dev").glob("*variables.tf"):
        shutil.copy(file, folder)
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL_S3": s3,
        "AWS_ENDPOINT_URL_STS": s3,
        **CREDENTIALS,
    }
    shell = OwnTerraform(folder, environ)
    contexts = {
        image.name: Context(image=image, folder=folder, tag=f"{image.name}tag") for image in IMAGES
    }
    target = ReleaseTarget(environment="dev", region=REGION)
    Release(shell, target, contexts, folder=folder, report=lambda _what: None).push_images()

    shell.terraform("init", "-input=false")
    shell.terraform("apply", "-input=false", "-auto-approve")
    given = shell.terraform("output", "-raw", "given")

    assert given == f"{REGION} consumertag ARM64"
    assert not (folder / "terraform.tfstate").exists(), "the state is in the bucket"
