"""A delivery_lambda on fakes."""

from __future__ import annotations

import pytest

from tests.support.delivery_api import Api


@pytest.fixture
def api() -> Api:
    return Api()
