"""Fixtures and hooks for all kinds of tests."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests.support.distribution import FromBothEnds, is_of_the_local_cloud, put_in_order
from tests.support.profile import FULL_EXAMPLES, QUICK_EXAMPLES
from tests.support.system_settings import (
    DWELL_S,
    LONG_TIMEOUTS,
    ROUND_INTERVAL_S,
    SELDOM_POLLING,
    TRACED_TRUCK,
    WITHOUT_QUOTAS,
)

if TYPE_CHECKING:  # only tests of real parts need it, and importing it takes a second
    from sim.local_cloud.launch import LaunchedCloud

# How many examples the property tests try, and how long simulations are: `make test-all`, and so
# CI, runs "full".
settings.register_profile("quick", max_examples=QUICK_EXAMPLES, deadline=None)
settings.register_profile("full", max_examples=FULL_EXAMPLES, deadline=None)
settings.register_profile("thorough", max_examples=5_000, deadline=None)
settings.register_profile("steady", max_examples=FULL_EXAMPLES, deadline=None, derandomize=True)
settings.load_profile("quick")


def pytest_configure() -> None:
    # No test may use the AWS account that this machine may be logged in to.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    # The Java programs that tests start run for minutes: optimising them further would use more
    # CPU time than it saves.
    os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")

    # The defaults are for programs with few objects. Here are those of thousands of tests.
    gc.set_threshold(20_000)


def pytest_collection_finish() -> None:
    # They live until the end: no collection needs to look at them.
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FromBothEnds | None:
    # By file also for "load", which `-n` alone means: else each process makes what a file's tests
    # share.
    return FromBothEnds(config, log) if config.getvalue("dist") in ("load", "loadfile") else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    put_in_order(items)


RUNNING = pytest.StashKey[contextlib.ExitStack]()
"""The local cloud, while it runs."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Ends the local cloud after the last test that may use it: it uses a third of a core."""
    if is_of_the_local_cloud(item.path):
        return
    if "local_cloud" in getattr(item, "fixturenames", ()):
        pytest.fail("a test that uses the local cloud must be in one of OF_THE_LOCAL_CLOUD")
    running = item.session.stash.get(RUNNING, None)
    if running is not None:
        del item.session.stash[RUNNING]
        running.close()


@pytest.fixture(scope="session")
def opensearch_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An OpenSearch node with the index templates, started once per session.

    Tests share it, so they must use unique truck ids.
    """
    from tests.support.opensearch_node import running_opensearch

    with running_opensearch(tmp_path_factory.mktemp("opensearch")) as url:
        yield url


@pytest.fixture(scope="session")
def local_cloud(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LaunchedCloud]:
    """The local cloud on free ports, started once per session: rounds of 10 s, dwells of 5 s, and
    long timeouts for a busy machine. Only tests of `OF_THE_LOCAL_CLOUD` may use it.

    Tests share it, so they must use unique ids of trucks, customers and deliveries. Its messages
    are in ``up.log`` beside its run folder.
    """
    from sim.local_cloud.launch import CloudFailedError, launched_cloud

    folder: Path = tmp_path_factory.mktemp("local-cloud")
    options = ["--ports", "auto"]
    options += ["--round-interval-s", str(ROUND_INTERVAL_S), "--dwell-s", str(DWELL_S)]
    quotas = WITHOUT_QUOTAS if "FUZZ_CASES" in os.environ else {}
    chosen = {"TRACE_TRUCKS": TRACED_TRUCK, **LONG_TIMEOUTS, **SELDOM_POLLING, **quotas}
    for name, value in chosen.items():
        options += ["--set", f"{name}={value}"]
    log = folder / "up.log"
    with log.open("w") as messages:
        try:
            with contextlib.ExitStack() as running:
                cloud = running.enter_context(
                    launched_cloud(
                        run_dir=folder / "run",
                        env_file=folder / "env",
                        options=options,
                        on_line=lambda line: print(line, file=messages, flush=True),
                    )
                )
                request.session.stash[RUNNING] = running
                yield cloud
        except CloudFailedError as problem:
            pytest.fail(f"{problem}\n{log.read_text()}")
