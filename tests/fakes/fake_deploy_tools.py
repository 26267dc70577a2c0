#!/usr/bin/env python3
"""`aws`, `docker` and `terraform` as far as a deployment uses them, for the PATH of a test.

Installed under these names, it records each command in `$FAKE_TOOLS/commands`, and rejects what
the real tool would reject: a build whose context lacks a file that its Dockerfile copies, a push
of an image that was not built or without a login, an apply without the required variables.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

HOST = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
PASSWORD = "a password of ten hours"
IMAGES = ("consumer", "broadcaster", "operations", "mqtt_bridge")


def main() -> int:
    tool, arguments = Path(sys.argv[0]).name, sys.argv[1:]
    with (folder() / "commands").open("a", encoding="utf-8") as commands:
        commands.write(f"{tool} {' '.join(arguments)}\n")
    return {"aws": aws, "docker": docker, "terraform": terraform}[tool](arguments)


def folder() -> Path:
    return Path(os.environ["FAKE_TOOLS"])


def print_line(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def fail(why: str) -> int:
    sys.stderr.write(f"{why}\n")
    return 1


def aws(arguments: list[str]) -> int:
    operation = arguments[1]
    if operation == "head-bucket" and not (folder() / "bucket").exists():
        return fail("An error occurred (404) when calling the HeadBucket operation: Not Found")
    if operation == "create-bucket":
        (folder() / "bucket").touch()
    if operation == "describe-images":
        tag = arguments[arguments.index("--image-ids") + 1].removeprefix("imageTag=")
        if not (folder() / f"pushed-{tag}").exists():
            return fail("An error occurred (ImageNotFoundException)")
    output = {"get-caller-identity": '{"Account": "123456789012"}', "get-login-password": PASSWORD}
    print_line(output.get(operation, "{}"))
    return 0


def docker(arguments: list[str]) -> int:
    if arguments[0] == "login":
        if sys.stdin.read() != PASSWORD + "\n" or arguments[-1] != HOST:
            return fail("unauthorized")
        (folder() / "login").touch()
    if arguments[0] == "build":
        return build(arguments[arguments.index("--tag") + 1], Path(arguments[-1]))
    if arguments[0] == "push":
        _, _, tag = arguments[1].partition(":")
        if not (folder() / f"built-{tag}").exists() or not (folder() / "login").exists():
            return fail("no such image, or no basic auth credentials")
        (folder() / f"pushed-{tag}").touch()
    return 0


def build(image: str, context: Path) -> int:
    """Copies nothing, but checks that all files to copy exist."""
    text = (context / "Dockerfile").read_text(encoding="utf-8")
    for sources in re.findall(r"^COPY (?!--from)(.+)$", text, re.M):
        for source in sources.split()[:-1]:
            if not (context / source).exists():
                return fail(f"COPY failed: {source} is not in the context")
    (folder() / f"built-{image.partition(':')[2]}").touch()
    return 0


def terraform(arguments: list[str]) -> int:
    if arguments[0] == "version":
        print_line('{"terraform_version": "1.11.4"}')
    if arguments[0] == "init":
        backend = [a.removeprefix("-backend-config=") for a in arguments if "backend" in a]
        if not all(Path(name).is_file() for name in backend):
            return fail("no such file")
        (folder() / "initialised").touch()
    if arguments[0] == "apply":
        given = json.loads(Path("deploy.auto.tfvars.json").read_text(encoding="utf-8"))
        if not (folder() / "initialised").exists() or set(given["image_tags"]) != set(IMAGES):
            return fail("not initialised, or no value for a required variable")
    if "output" in arguments:
        print_line(json.dumps({name: f"{HOST}/rtdts-dev-{name}" for name in IMAGES}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
