"""Which Chromium the tests of the web pages use."""

from pathlib import Path

from sim.setup.chromium import find_browser
from sim.setup.places import Places


def test_the_browser_that_chrome_names_is_used(tmp_path: Path) -> None:
    found = find_browser(Places(project=tmp_path, cache=tmp_path), {"CHROME": "chromium-of-mine"})

    assert found is not None
    assert found.program == Path("chromium-of-mine")
    assert found.environment == {}


def test_no_browser_is_found_if_none_is_installed(tmp_path: Path) -> None:
    assert find_browser(Places(project=tmp_path, cache=tmp_path), {}) is None
