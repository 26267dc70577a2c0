"""Builds the Lambdas' zips.

A zip holds the import closure of its handler within this tree, and those wheels of its dependency
group that the closure imports. It holds nothing else, and has the same bytes whenever it is built.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deploy.archive import digest_of, write_archive
from deploy.import_closure import import_closure
from deploy.lambdas import PACKAGES, PRODUCTION, Package
from deploy.wheels import (
    BuildTarget,
    Uv,
    fetch_wheels,
    third_party_files,
)

PROJECT: Final = Path(__file__).resolve().parents[1]


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
        ImportClosureError: An imported module can't be found.
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
        ImportClosureError: An imported module can't be found.
        WheelsError: The wheels can't be fetched.
    """
    return {
        package.name: build_package(package, target=target, out=out, uv=uv) for package in packages
    }
