"""Gets the third-party files of an archive, as locked, for the machine that will run them."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath

IN_THE_RUNTIME = ("boto3", "botocore")
"""Included in AWS's Python runtimes, and ten times the size of everything else."""

_KEPT_METADATA = re.compile(r"METADATA|LICEN[CS]E|NOTICE|COPYING|AUTHORS|licenses", re.IGNORECASE)
_REQUIREMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class WheelsError(Exception):
    """uv could not provide the wheels; the message holds its output."""


@dataclass(frozen=True, kw_only=True)
class BuildTarget:
    """The machine that will run the code.

    Attributes:
        name: Names the folder of its archives.
        python: ``major.minor`` of its Python.
        platform: uv's name for it; None for this machine.
    """

    name: str
    python: str
    platform: str | None


@dataclass(frozen=True, kw_only=True)
class Uv:
    """The uv program, and the environment to run it in."""

    program: Path
    environ: Mapping[str, str]

    def run(self, *arguments: str) -> str:
        """Runs it to its end and returns what it printed.

        Raises:
            WheelsError: It failed.
        """
        try:
            done = subprocess.run(  # noqa: S603 - the program that set-up installed
                [str(self.program), "--quiet", *arguments],
                env=dict(self.environ),
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as error:
            raise WheelsError(f"{self.program} can't be run: {error}") from error
        if done.returncode:
            raise WheelsError(f"uv {' '.join(arguments[:2])} failed: {done.stderr.strip()}")
        return done.stdout


def locked_requirements(uv: Uv, project: Path, group: str, *, without: Iterable[str] = ()) -> str:
    """A dependency group's requirements, pinned and with hashes.

    Args:
        uv: The program that reads the lock file.
        project: The folder of pyproject.toml and uv.lock.
        group: Name of the dependency group.
        without: Packages that are left out, with their exclusive requirements.

    Raises:
        WheelsError: uv can't resolve them.
    """
    return uv.run(
        *("export", "--frozen", "--project", str(project), "--no-header", "--no-annotate"),
        *("--no-default-groups", "--only-group", group),
        *(f"--prune={name}" for name in without),
    )


def fetch_wheels(uv: Uv, *, project: Path, group: str, target: BuildTarget, cache: Path) -> Path:
    """Unpacks a dependency group's locked wheels, without those that the runtime includes.

    Args:
        uv: The program to do it with.
        project: The folder of pyproject.toml and uv.lock.
        group: Name of the dependency group.
        target: The machine that will run them.
        cache: Where unpacked groups are kept, by their contents.

    Returns:
        A folder as ``pip install --target`` leaves it. It must not be changed.

    Raises:
        WheelsError: A package has no wheel for the target, or can't be fetched.
    """
    requirements = locked_requirements(uv, project, group, without=IN_THE_RUNTIME)
    described = f"{target.python}\n{target.platform}\n{requirements}"
    unpacked = cache / hashlib.sha256(described.encode()).hexdigest()[:16]
    if unpacked.is_dir():
        return unpacked
    cache.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=cache))
    try:
        _install(uv, requirements, target, draft)
        try:
            draft.rename(unpacked)
        except OSError:
            if not unpacked.is_dir():  # else: another process was faster, with the same result
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return unpacked


def _install(uv: Uv, requirements: str, target: BuildTarget, folder: Path) -> None:
    if not requirements.strip():
        return
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(requirements)
        file.flush()
        install = ["pip", "install", "--target", str(folder), "--python-version", target.python]
        install += ["--only-binary", ":all:", "--no-deps", "--require-hashes", "-r", file.name]
        install += ["--link-mode", "copy"]
        if target.platform is not None:
            install += ["--python-platform", target.platform]
        uv.run(*install)


def third_party_files(unpacked: Path, imported: Iterable[str]) -> dict[str, Path]:
    """The files of the distributions that the imports need, and of their requirements.

    A group may serve several archives; each gets only its own part.

    Args:
        unpacked: From `fetch_wheels`.
        imported: Top-level names that are imported. Names that belong to no distribution there are
            assumed to be in the runtime.

    Returns:
        Files by their name in the archive.
    """
    distributions = {
        _normal(distribution.name): distribution
        for distribution in metadata.distributions(path=[str(unpacked)])
    }
    expected = set(imported)
    waiting = [name for name, found in distributions.items() if expected & set(_top_level(found))]
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in reached or name not in distributions:
            continue
        reached.add(name)
        # The resolver has handled extras and markers: the folder holds what it chose.
        required = map(_REQUIREMENT_NAME.match, distributions[name].requires or ())
        waiting.extend(_normal(found.group()) for found in required if found)
    return {
        file: unpacked / file for name in reached for file in _shipped_files(distributions[name])
    }


def _files(distribution: metadata.Distribution) -> Iterator[PurePosixPath]:
    return (PurePosixPath(file) for file in distribution.files or ())


def _top_level(distribution: metadata.Distribution) -> Iterator[str]:
    for file in _files(distribution):
        top = file.parts[0]
        if file.suffix in {".py", ".so", ".pyd"} and not top.endswith(".dist-info"):
            yield top.partition(".")[0]


def _shipped_files(distribution: metadata.Distribution) -> Iterator[str]:
    for file in _files(distribution):
        if file.is_absolute() or file.parts[0] in {"..", "bin"}:
            continue  # scripts
        if file.suffix in {".pyc", ".pyi"} or file.name == "py.typed":
            continue
        in_metadata = file.parts[0].endswith(".dist-info")
        # How and when it was installed would differ between builds.
        if in_metadata and not _KEPT_METADATA.match(file.parts[1]):
            continue
        yield str(file)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def this_machine() -> BuildTarget:
    """The machine that runs this, with its Python: what the local cloud's Lambdas run on."""
    major, minor = sys.version_info[:2]
    return BuildTarget(name="local", python=f"{major}.{minor}", platform=None)


def uv_from(environ: Mapping[str, str] = os.environ) -> Uv:
    """The uv that ``UV`` names, or the one on the path."""
    return Uv(program=Path(environ.get("UV") or shutil.which("uv") or "uv"), environ=environ)
