"""Expensive values are created by one of pytest's workers, and read by the others."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from typing import Any

import pytest


def made_once(
    tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """Returns the result of `make`; in one run of pytest, only one worker calls it.

    Args:
        tmp_path_factory: The fixture.
        name: The name of the value.
        make: Creates the value, which must be representable in JSON.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # the workers' folders are in the folder of the run
    file = folder / f"{name}.json"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            file.write_text(json.dumps(make()), encoding="utf-8")
    made: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return made
