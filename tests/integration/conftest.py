"""Fixtures that several integration tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.broadcaster_cloud import Cloud
from tests.support.ministack_process import running_ministack


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """What the broadcaster's processes need, on a ministack per test file."""
    with running_ministack(tmp_path_factory.mktemp("ministack")) as url:
        yield Cloud(url)
