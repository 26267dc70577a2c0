"""uv, and the virtual environments that it creates from the lock files."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sim.setup.downloads import fetch_missing, read_pinned
from sim.setup.places import Places
from sim.setup.problems import SetupError

_HERE = Path(__file__).parent
_UV_REQUIREMENTS = _HERE / "requirements-uv.txt"
_MINISTACK_REQUIREMENTS = _HERE / "requirements-ministack.txt"
_STAMP = "rtdts-setup"
_RETRY = "Check the network and run it again: what has been fetched is kept."


def uv_is_there(places: Places) -> bool:
    """Whether uv is installed."""
    return places.uv.is_file()


def install_uv(places: Places) -> None:
    """Installs uv with a fetched pip: not every Python has pip, or can create an environment."""
    (pip,) = read_pinned("pip")
    fetch_missing([pip], places.downloads)
    unfinished = places.uv_home.with_name(f"{places.uv_home.name}.{os.getpid()}")
    command = [sys.executable, f"{pip.path(places.downloads)}/pip", "install", "--quiet"]
    command += ["--disable-pip-version-check", "--root-user-action=ignore", "--no-deps"]
    command += ["--require-hashes", "-r", str(_UV_REQUIREMENTS), "--target", str(unfinished)]
    try:
        _run(command, os.environ, "could not install uv", _RETRY)
        shutil.rmtree(places.uv_home, ignore_errors=True)
        unfinished.rename(places.uv_home)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def venv_is_done(places: Places) -> bool:
    """Whether `.venv` matches the lock file."""
    return _stamp(places.venv) == _venv_digest(places) and places.python.exists()


def make_venv(places: Places) -> None:
    """Creates `.venv` exactly as uv.lock says."""
    command = [str(places.uv), "sync", "--frozen", "--project", str(places.project)]
    if not places.python.exists():
        command += ["--python", _base_python()]
    _run(
        command,
        uv_environment(places, places.venv),
        "could not make the virtual environment .venv",
        _RETRY,
    )
    _write_stamp(places.venv, _venv_digest(places))


def ministack_is_done(places: Places) -> bool:
    """Whether the local AWS's environment matches its lock file."""
    return _stamp(places.ministack_venv) == _ministack_digest(places) and places.ministack.exists()


def make_ministack_venv(places: Places) -> None:
    """Creates the local AWS's environment, with the interpreter of `.venv`.

    It runs the Lambdas itself, so the compiled wheels in their zips must match it.
    """
    venv = places.ministack_venv
    environment = uv_environment(places, places.venv)
    what = "could not make the local AWS's virtual environment"
    make = [str(places.uv), "venv", "--quiet", "--clear", "--python", str(places.python), str(venv)]
    _run(make, environment, what, _RETRY)
    fill = [str(places.uv), "pip", "sync", "--quiet", "--python", str(venv / "bin" / "python")]
    fill += ["--require-hashes", str(_MINISTACK_REQUIREMENTS)]
    _run(fill, environment, what, _RETRY)
    _write_stamp(venv, _ministack_digest(places))


def _venv_digest(places: Places) -> str:
    return _digest([places.project / "pyproject.toml", places.project / "uv.lock"])


def _ministack_digest(places: Places) -> str:
    config = places.venv / "pyvenv.cfg"  # names the interpreter that both must share
    return _digest([_MINISTACK_REQUIREMENTS, *([config] if config.exists() else [])])


def _base_python() -> str:
    """The base interpreter of the running Python, outside any virtual environment."""
    return getattr(sys, "_base_executable", None) or sys.executable


def uv_environment(places: Places, venv: Path) -> dict[str, str]:
    """The variables with which uv works on a virtual environment, with the shared cache."""
    environment = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")}
    return environment | {
        "UV_CACHE_DIR": str(places.uv_cache),
        "UV_PROJECT_ENVIRONMENT": str(venv),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "" if sys.stderr.isatty() else "1",
    }


def _run(command: Sequence[str], environment: Mapping[str, str], what: str, remedy: str) -> None:
    """Runs a program that writes to the same output as this one."""
    sys.stderr.flush()
    ended = subprocess.run(command, env=dict(environment), stdout=sys.stderr, check=False)
    if ended.returncode != 0:
        raise SetupError(f"{what}: {Path(command[0]).name} ended with {ended.returncode}", remedy)


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _stamp(venv: Path) -> str | None:
    try:
        return (venv / _STAMP).read_text()
    except OSError:
        return None


def _write_stamp(venv: Path, digest: str) -> None:
    (venv / _STAMP).write_text(digest)
