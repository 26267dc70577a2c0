"""Which Chromium the tests of the pages use."""

from pathlib import Path

from sim.setup.chromium import find_browser
from sim.setup.places import Places


def test_a_named_browser_is_used_as_it_is(tmp_path: Path) -> None:
    found = find_browser(Places(project=tmp_path, cache=tmp_path), {"CHROME": "chromium-of-mine"})

    assert found is not None
    assert found.program == Path("chromium-of-mine")
    assert found.environment == {}


def test_without_one_there_is_none(tmp_path: Path) -> None:
    assert find_browser(Places(project=tmp_path, cache=tmp_path), {}) is None
