"""A delivery under way, and the results when its points arrive in order."""

from __future__ import annotations

import pytest

from tests.support.consumer_world import World, drive
from tests.support.late_points import ROAD


@pytest.fixture
def world() -> World:
    made = World()
    made.assign("D-1")
    return made


@pytest.fixture
def reference() -> World:
    """The result when all points arrive in order."""
    made = World()
    made.assign("D-1")
    made.pipeline().process(made.shard.records(*[[one] for one in ROAD]))
    return made


@pytest.fixture
def whole_drive() -> World:
    """The whole drive, in order."""
    made = World()
    made.assign("D-1")
    made.pipeline().process(made.shard.records(*[[one] for one in drive()]))
    return made
