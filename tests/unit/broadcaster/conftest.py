from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.broadcaster_world import World
from tests.support.shared_rounds import Broadcasters


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


@pytest.fixture
async def several() -> AsyncIterator[Broadcasters]:
    several = Broadcasters()
    yield several
    await several.close()
