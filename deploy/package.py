"""Builds what Terraform deploys, the Lambdas' zips: `make package`, or `python -m deploy.package`.

A zip holds the import closure of its handler within this tree, and those wheels of its dependency
group that the closure imports. It holds nothing else, and has the same bytes whenever it is built.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.archive import digest_of, write_archive
from deploy.import_closure import ImportClosureError, import_closure
from deploy.wheels import (
    BuildTarget,
    Uv,
    WheelsError,
    fetch_wheels,
    third_party_files,
    uv_from,
)

PROJECT = Path(__file__).resolve().parents[1]

PRODUCTION = BuildTarget(name="production", python="3.13", platform="aarch64-manylinux_2_28")
"""Lambda's Python 3.13 on arm64: a fifth cheaper than x86_64, on Amazon Linux 2023 (glibc 2.34)."""


@dataclass(frozen=True)
class Package:
    """A zip to build.

    Attributes:
        name: The zip's name.
        handler: What the Lambda runs, ``package.module.function``.
        settings_module: The package's module with its class `Settings`, which it reads from its
            environment.
    """

    name: str
    handler: str
    settings_module: str = "settings"

    @property
    def module(self) -> str:
        """The handler's module."""
        return self.handler.rpartition(".")[0]

    @property
    def function(self) -> str:
        """The handler's function in its module."""
        return self.handler.rpartition(".")[2]

    @property
    def settings(self) -> str:
        """The full name of the module of its settings."""
        return f"{self.module.rpartition('.')[0]}.{self.settings_module}"

    @property
    def group(self) -> str:
        """The dependency group in pyproject.toml that it may use: its package's name."""
        return self.module.split(".")[-2]


INGEST = Package("ingest", "ingest_lambda.handler.lambda_handler")
DELIVERY = Package("delivery", "delivery_lambda.handler.lambda_handler")
TRACK = Package("track", "track_lambda.handler.lambda_handler")
SOCKET = Package("socket", "socket_lambda.handler.lambda_handler")
SOCKET_AUTHORIZER = Package(
    "socket-authorizer", "socket_lambda.authorizer.lambda_handler", "authorizer_settings"
)
PACKAGES = (INGEST, DELIVERY, TRACK, SOCKET, SOCKET_AUTHORIZER)
"""The product's Lambdas, which the local cloud runs too."""

IOT = Package("iot", "iot_lambda.handler.handle")
IOT_ENROLLMENT = Package("iot-enrollment", "iot_lambda.enrollment.handle", "enrollment_settings")
IOT_PACKAGES = (IOT, IOT_ENROLLMENT)
"""The Lambdas behind AWS IoT Core; the local cloud has a broker and a bridge instead."""

SEARCH_ADMIN = Package("search-admin", "search_admin_lambda.handler.lambda_handler")
TEST_ISSUER = Package("test-issuer", "deploy.test_issuer.handler.lambda_handler")
DEPLOYED_PACKAGES = (*PACKAGES, *IOT_PACKAGES, SEARCH_ADMIN, TEST_ISSUER)
"""All, with those that only an account needs: a local cloud has its own node set-up and issuer."""


def packages_folder(out: Path, target: BuildTarget = PRODUCTION) -> Path:
    """Where the zips for a machine are, within the folder of the build output."""
    return out / "lambdas" / target.name


def build_package(package: Package, *, target: BuildTarget, out: Path, uv: Uv) -> Path:
    """Builds one zip, or keeps the existing one when nothing has changed.

    Args:
        package: The package.
        target: The machine that will run it.
        out: Folder for archives and unpacked wheels.
        uv: The program that provides the wheels.

    Returns:
        The zip's path.

    Raises:
        ImportClosureError: An import leads nowhere.
        WheelsError: The wheels can't be fetched.
    """
    archive = packages_folder(out, target) / f"{package.name}.zip"
    key_file = archive.with_suffix(".key")
    wheels = fetch_wheels(
        uv, project=PROJECT, group=package.group, target=target, cache=out / "wheels"
    )
    closure = import_closure(package.module, PROJECT)
    ours = {path.relative_to(PROJECT).as_posix(): path for path in closure.modules.values()}
    shipped = ours | third_party_files(wheels, closure.third_party)
    files = {name: path.read_bytes() for name, path in shipped.items()}
    key = digest_of(files)
    if archive.is_file() and key_file.is_file() and key_file.read_text() == key:
        return archive
    # An archive without its key is built again, so the key is removed first and written last.
    key_file.unlink(missing_ok=True)
    write_archive(archive, files)
    key_file.write_text(key)
    return archive


def build_packages(
    *,
    target: BuildTarget,
    uv: Uv,
    out: Path,
    packages: Sequence[Package] = PACKAGES,
) -> dict[str, Path]:
    """Builds every zip that has changed.

    Args:
        target: The machine that will run them.
        uv: The program that provides the wheels.
        out: Folder for archives and unpacked wheels.
        packages: Which packages.

    Returns:
        The zips by package name.

    Raises:
        ImportClosureError: An import leads nowhere.
        WheelsError: The wheels can't be fetched.
    """
    return {
        package.name: build_package(package, target=target, out=out, uv=uv) for package in packages
    }


def build_for_terraform(uv: Uv) -> dict[str, Path]:
    """Builds what Terraform reads: the deployed zips, and beside them the definitions.

    Returns:
        The zips by package name.

    Raises:
        ImportClosureError: An import leads nowhere.
        WheelsError: The wheels can't be fetched.
    """
    # Imported late, because it imports all deployables, and this module.
    from deploy.definitions import write_definitions

    out = PROJECT / "build"
    write_definitions(packages_folder(out))
    return build_packages(target=PRODUCTION, uv=uv, out=out, packages=DEPLOYED_PACKAGES)


def main() -> int:
    """Builds the zips of what is deployed, and prints their sizes and digests."""
    try:
        built = build_for_terraform(uv_from())
    except (ImportClosureError, WheelsError) as error:
        print(f"no packages: {error}", file=sys.stderr)  # noqa: T201 - a command's output
        return 1
    for name, path in built.items():
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        size_kb = len(content) / 1024
        print(f"{name:18} {size_kb:8.0f} kB  sha256 {digest[:16]}  {path}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
