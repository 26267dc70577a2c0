"""What tests of every kind share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from sim.local_cloud.launch import CloudFailedError, LaunchedCloud, launched_cloud
from tests.support.pace import DWELL_S, PATIENT, ROUND_INTERVAL_S, TRACED_TRUCK, WITHOUT_QUOTAS

# How much the property tests try: "full" is what `make test-all` and so CI run.
settings.register_profile("quick", max_examples=20, deadline=None)
settings.register_profile("full", max_examples=100, deadline=None)
settings.register_profile("thorough", max_examples=5_000, deadline=None)
settings.register_profile("steady", max_examples=100, deadline=None, derandomize=True)
settings.load_profile("quick")


def pytest_configure() -> None:
    # Whatever account this machine is logged in to, no test may reach it.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"


@pytest.fixture(scope="session")
def local_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaunchedCloud]:
    """The local cloud on free ports, started once a session: rounds of 10 s, dwells of 5 s,
    and patience with a slow machine.

    Tests share it, and so name their trucks, customers and deliveries uniquely. Its messages are
    in ``up.log`` beside its run folder.
    """
    folder: Path = tmp_path_factory.mktemp("local-cloud")
    options = ["--ports", "auto"]
    options += ["--round-interval-s", str(ROUND_INTERVAL_S), "--dwell-s", str(DWELL_S)]
    quotas = WITHOUT_QUOTAS if "FUZZ_CASES" in os.environ else {}
    for name, value in {"TRACE_TRUCKS": TRACED_TRUCK, **PATIENT, **quotas}.items():
        options += ["--set", f"{name}={value}"]
    log = folder / "up.log"
    with log.open("w") as messages:
        try:
            with launched_cloud(
                run_dir=folder / "run",
                env_file=folder / "env",
                options=options,
                on_line=lambda line: print(line, file=messages, flush=True),
            ) as cloud:
                yield cloud
        except CloudFailedError as problem:
            pytest.fail(f"{problem}\n{log.read_text()}")
