"""The Lambdas' zips, built for this machine as they are for AWS."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deploy.lambdas import Package
from deploy.package import build_packages
from deploy.wheels import Uv, this_machine
from sim.setup.places import find_places


def uv_or_skip() -> Uv:
    """Returns the set-up's uv; skips the test if it is not installed."""
    places = find_places()
    program = Path(os.environ.get("UV") or places.uv)
    if not program.is_file():
        pytest.skip("uv is missing: run make setup")
    return Uv(program=program, environ={"UV_CACHE_DIR": str(places.uv_cache), **os.environ})


def zip_of(package: Package, folder: Path) -> bytes:
    """Returns one Lambda's zip, built in a folder."""
    built = build_packages(target=this_machine(), uv=uv_or_skip(), out=folder, packages=[package])
    return built[package.name].read_bytes()
