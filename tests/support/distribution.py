"""The order of the tests, and their distribution over pytest's workers.

Tests of the local cloud mostly wait while trucks drive; the others use the CPU. Of three workers,
two begin with the local cloud, each with its own, and the third begins at the other end, so that
the CPU is used while they wait. At both ends, the longest files come first, and in the middle are
many short ones, so that all workers end at nearly the same time.
"""

from __future__ import annotations

import functools
from pathlib import PurePath
from typing import Final

import pytest
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

FOLDERS: Final = (
    "end_to_end",
    "browser",
    "fuzz",
    "chaos",
    "unit",
    "architecture",
    "infrastructure",
    "contract",
    "integration",
)
"""Chaos stores the most data: tests that count or replay all stored data come before it."""
OF_THE_LOCAL_CLOUD: Final = FOLDERS[:4]

BENCHMARKS: Final = "test_benchmarks_run"
"""A file whose tests share nothing and take long: each is distributed by itself."""
LONG: Final = (
    # end_to_end
    "test_operators_commands",
    "test_clients_reconnecting",
    "test_drive_over_mqtt",
    "test_deployed_environment_file",
    "test_contract_by_hand",
    "test_truck_over_its_quota",
    "test_five_truck_drive",
    "test_local_cloud_supervision",
    # browser
    "test_console",
    "test_page_of_a_drive",
    "test_customers_page",
    # chaos
    "test_resharding",
    "test_killed_parts",
    "test_draining",
    "test_backlogs",
    "test_lost_leases",
    "test_opensearch_unavailable",
    "test_broker_and_bridge",
    # integration
    BENCHMARKS,
    "test_broker_rights",
    "test_delivery_store_against_faults",
    "test_lambda_packages",
    "test_several_broadcasters",
    "test_consumer_against_faults",
    "test_position_erasure",
    "test_make_images",
    "test_iot_enrollment",
)
"""Files that take more than 25 s, by folder, the longest first."""


def put_in_order(items: list[pytest.Item]) -> None:
    """Sorts the tests by their folder, and within it by how long their file takes."""
    items.sort(key=lambda item: _place(item.path))


def _place(file: PurePath) -> tuple[int, int]:
    turn = _turn(file)
    shortness = LONG.index(file.stem) if file.stem in LONG else len(LONG)
    return turn, shortness if turn < len(OF_THE_LOCAL_CLOUD) else -shortness


@functools.cache
def _turn(file: PurePath) -> int:
    return next((n for n, name in enumerate(FOLDERS) if name in file.parts), len(FOLDERS))


def is_of_the_local_cloud(file: PurePath) -> bool:
    """Whether tests of this file may use the local cloud of the session."""
    return _turn(file) < len(OF_THE_LOCAL_CLOUD)


class FromBothEnds(LoadFileScheduling):
    """Assigns one file after the other; the last of several workers begins at the end."""

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        return nodeid if PurePath(file).stem == BENCHMARKS else file

    def _reschedule(self, node: WorkerController) -> None:
        # Pytest must know the next test while one runs. With more than that, a worker would keep
        # long files while others have nothing left to do.
        if self._pending_of(self.assigned_work[node]) < 2:
            super()._reschedule(node)

    def _assign_work_unit(self, node: WorkerController) -> None:
        if len(self.nodes) > 2 and node is self.nodes[-1]:
            last = next(reversed(self.workqueue))
            if is_of_the_local_cloud(PurePath(last.partition("::")[0])):
                node.shutdown()  # so that it does not start another local cloud
                return
            self.workqueue.move_to_end(last, last=False)
        super()._assign_work_unit(node)
