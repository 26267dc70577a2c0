"""Builds what Terraform reads, zips and definitions: `make package` (`python -m deploy.build`)."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from deploy.definitions import write_definitions
from deploy.import_closure import ImportClosureError
from deploy.lambdas import DEPLOYED_PACKAGES, PRODUCTION
from deploy.package import PROJECT, build_packages, packages_folder
from deploy.wheels import Uv, WheelsError, uv_from


def build_for_terraform(uv: Uv) -> dict[str, Path]:
    """Builds what Terraform reads: the deployed zips, and beside them the definitions.

    Returns:
        The zips by package name.

    Raises:
        ImportClosureError: An imported module can't be found.
        WheelsError: The wheels can't be fetched.
    """
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
