"""The fixture `world`: a consumer with its stores, queue and clock."""

from __future__ import annotations

import pytest

from tests.support.consumer_world import World


@pytest.fixture
def world() -> World:
    return World()
