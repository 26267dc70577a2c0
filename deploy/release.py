"""Releases a build into an account.

1. Create the bucket of Terraform's state if it is missing. It can't be in the state itself.
2. Write two files next to the configuration, so that Terraform can also be run by hand: the
   location of the state (`backend.hcl`), and the variables that depend on the build
   (`deploy.auto.tfvars.json`).
3. Run `terraform init` with these files.
4. Apply only the images' repositories, so that images can be pushed.
5. Push the images that do not exist yet.
6. Apply all resources.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from deploy.images import Context
from deploy.shell import CommandFailedError, Shell

TERRAFORM: Final = Path("deploy") / "terraform" / "environments"
ENVIRONMENTS: Final = ("dev", "prod")
ARCHITECTURES: Final = {"linux/arm64": "ARM64", "linux/amd64": "X86_64"}
"""Fargate's name for each of Docker's platforms."""
OLDEST_TERRAFORM: Final = (1, 9)
LOCKS_IN_S3: Final = (1, 10)
"""The first version of Terraform that locks its state with S3 alone."""
NO_LOCATION_CONSTRAINT: Final = "us-east-1"
"""The only region whose buckets are created without naming it."""
STATE_RETENTION_DAYS: Final = 90
BACKEND_FILE: Final = "backend.hcl"
VARIABLES_FILE: Final = "deploy.auto.tfvars.json"
"""Terraform automatically reads every file with such a name."""


class ReleaseError(Exception):
    """It can't be released; the message says what to do."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReleaseTarget:
    """The target of a release.

    Attributes:
        environment: ``dev`` or ``prod``.
        region: The region.
        platform: What the images are built for, as Docker names it.
    """

    environment: str
    region: str
    platform: str = "linux/arm64"


class Release:
    """One release.

    Args:
        shell: Runs the operator's tools.
        target: The environment, region and platform.
        contexts: The images' build contexts.
        folder: The environment's configuration.
        report: Called with a description of each next step.
    """

    def __init__(
        self,
        shell: Shell,
        target: ReleaseTarget,
        contexts: Mapping[str, Context],
        *,
        folder: Path,
        report: Callable[[str], None],
    ) -> None:
        self._shell = shell
        self._target = target
        self._contexts = contexts
        self._folder = folder
        self._report = report

    def push_images(self) -> None:
        """Creates the image repositories and pushes the images, but applies nothing else.

        Raises:
            ReleaseError: A tool is too old.
            CommandFailedError: A tool failed.
        """
        self._initialise()
        self._report("creating the image repositories")
        self._terraform("apply", "-target=module.system.aws_ecr_repository.this", "-auto-approve")
        repositories = self._repositories()
        for name, context in self._contexts.items():
            self._push(context, repositories[name])

    def apply(self, *, confirms: bool) -> None:
        """Releases.

        Args:
            confirms: Whether Terraform shows its plan and waits for confirmation before any change.

        Raises:
            ReleaseError: A tool is too old.
            CommandFailedError: A tool failed.
        """
        self.push_images()
        self._report("applying all resources")
        self._terraform("apply", *([] if confirms else ["-auto-approve"]))

    def destroy(self, *, confirms: bool) -> None:
        """Takes everything down except the bucket of the state.

        Raises:
            ReleaseError: A tool is too old.
            CommandFailedError: A tool failed.
        """
        self._initialise()
        self._terraform("destroy", *([] if confirms else ["-auto-approve"]))

    def _initialise(self) -> None:
        version = self._terraform_version()
        if version < OLDEST_TERRAFORM:
            raise ReleaseError(
                f"terraform {'.'.join(map(str, version))} is too old, use 1.9 or later"
            )
        account = self._aws("sts", "get-caller-identity")["Account"]
        bucket = f"rtdts-terraform-{account}-{self._target.region}"
        self._make_state_bucket(bucket)
        if version < LOCKS_IN_S3:
            self._report(
                "WARNING: Terraform before 1.10 has no lock: do not run two applies at once"
            )
        self._report(f"initialising Terraform (state in {bucket})")
        self._write_files(bucket, can_lock=version >= LOCKS_IN_S3)
        self._shell.show(
            [
                "terraform",
                "init",
                "-input=false",
                "-reconfigure",
                f"-backend-config={BACKEND_FILE}",
            ],
            cwd=self._folder,
        )

    def _write_files(self, bucket: str, *, can_lock: bool) -> None:
        backend = {
            "bucket": bucket,
            "key": f"{self._target.environment}/terraform.tfstate",
            "region": self._target.region,
            "encrypt": True,
            **({"use_lockfile": True} if can_lock else {}),
        }
        variables = {
            "region": self._target.region,
            "image_tags": {name: context.tag for name, context in self._contexts.items()},
            "cpu_architecture": ARCHITECTURES[self._target.platform],
        }
        # A string or a boolean is the same in JSON and in Terraform's own language.
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in backend.items()]
        (self._folder / BACKEND_FILE).write_text("".join(lines), encoding="utf-8")
        (self._folder / VARIABLES_FILE).write_text(
            json.dumps(variables, indent=2) + "\n", encoding="utf-8"
        )

    def _terraform_version(self) -> tuple[int, int]:
        version_document = json.loads(self._shell.read(["terraform", "version", "-json"]))
        major, minor, *_ = version_document["terraform_version"].split(".")
        return int(major), int(minor)

    def _make_state_bucket(self, bucket: str) -> None:
        try:
            self._shell.read(self._aws_command("s3api", "head-bucket", "--bucket", bucket))
        except CommandFailedError as error:
            if "404" not in str(error):
                raise
        else:
            return
        self._report(f"creating the bucket {bucket} for Terraform's state")
        location = (
            []
            if self._target.region == NO_LOCATION_CONSTRAINT
            else [
                "--create-bucket-configuration",
                f"LocationConstraint={self._target.region}",
            ]
        )
        self._s3("create-bucket", bucket, *location)
        closed = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy")
        self._s3(
            "put-public-access-block",
            bucket,
            "--public-access-block-configuration",
            ",".join(f"{name}=true" for name in (*closed, "RestrictPublicBuckets")),
        )
        # With versioning, a damaged state can be rolled back.
        self._s3("put-bucket-versioning", bucket, "--versioning-configuration", "Status=Enabled")
        rule = {
            "ID": "old-states",
            "Status": "Enabled",
            "Filter": {},
            "NoncurrentVersionExpiration": {"NoncurrentDays": STATE_RETENTION_DAYS},
        }
        self._s3(
            "put-bucket-lifecycle-configuration",
            bucket,
            "--lifecycle-configuration",
            json.dumps({"Rules": [rule]}),
        )

    def _repositories(self) -> dict[str, str]:
        # An output is known as soon as everything that it depends on has been applied.
        command = ["terraform", f"-chdir={self._folder}", "output", "-json", "image_repositories"]
        return dict(json.loads(self._shell.read(command)))

    def _push(self, context: Context, repository: str) -> None:
        host, _, name = repository.partition("/")
        image = f"{repository}:{context.tag}"
        if self._is_pushed(name, context.tag):
            self._report(f"image {context.image.name}: {context.tag} already exists")
            return
        self._report(f"image {context.image.name}: building and pushing {context.tag}")
        password = self._shell.read(self._aws_command("ecr", "get-login-password"))
        login = ["docker", "login", "--username", "AWS", "--password-stdin", host]
        self._shell.read(login, standard_input=password)
        build = ["docker", "build", "--platform", self._target.platform, "--tag", image]
        self._shell.show([*build, str(context.folder)])
        self._shell.show(["docker", "push", image])

    def _is_pushed(self, repository: str, tag: str) -> bool:
        try:
            self._aws(
                "ecr",
                "describe-images",
                "--repository-name",
                repository,
                "--image-ids",
                f"imageTag={tag}",
            )
        except CommandFailedError as error:
            if "ImageNotFoundException" not in str(error):
                raise
            return False
        return True

    def _terraform(self, command: str, *options: str) -> None:
        self._shell.show(["terraform", command, *options], cwd=self._folder)

    def _aws(self, *arguments: str) -> Any:
        return json.loads(self._shell.read(self._aws_command(*arguments, "--output", "json")))

    def _s3(self, operation: str, bucket: str, *options: str) -> None:
        self._shell.read(self._aws_command("s3api", operation, "--bucket", bucket, *options))

    def _aws_command(self, *arguments: str) -> list[str]:
        return ["aws", *arguments, "--region", self._target.region]
