"""In which order the tests run, and which of pytest's workers takes which.

Tests of the local cloud mostly wait while trucks drive; the others use the processor. Of three
workers two begin with the local cloud, each with one of its own, and the third at the other end: so
the processor has something to do while they wait.
"""

from __future__ import annotations

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
    "integration",
    "contract",
    "infrastructure",
    "architecture",
    "unit",
)
"""Chaos stores more than all others: what counts or replays all that is stored comes before it."""
OF_THE_LOCAL_CLOUD: Final = FOLDERS[:4]


def put_in_order(items: list[pytest.Item]) -> None:
    """Sorts the tests by their folder."""
    items.sort(key=lambda item: _turn(item.path))


def _turn(file: PurePath) -> int:
    return next((n for n, name in enumerate(FOLDERS) if name in file.parts), len(FOLDERS))


def is_of_the_local_cloud(file: PurePath) -> bool:
    """Whether tests of this file may use the local cloud of the session."""
    return _turn(file) < len(OF_THE_LOCAL_CLOUD)


class FromBothEnds(LoadFileScheduling):
    """One file after the other; the last of several workers begins at the end."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        if len(self.nodes) > 2 and node is self.nodes[-1]:
            last = next(reversed(self.workqueue))
            if is_of_the_local_cloud(PurePath(last)):
                node.shutdown()  # rather than that it starts another local cloud
                return
            self.workqueue.move_to_end(last, last=False)
        super()._assign_work_unit(node)
