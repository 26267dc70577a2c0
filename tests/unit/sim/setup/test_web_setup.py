"""The pages are rebuilt if and only if one of their sources has changed."""

from pathlib import Path

import pytest

from sim.setup import web
from sim.setup.places import Places
from sim.setup.problems import SetupError


@pytest.fixture
def places(tmp_path: Path) -> Places:
    sources = tmp_path / "web"
    (sources / "tracking" / "test").mkdir(parents=True)
    (sources / "package-lock.json").write_text("{}")
    (sources / "index.html").write_text("<!doctype html>")
    (sources / "tracking" / "app.tsx").write_text("1")
    (sources / "tracking" / "test" / "app.test.ts").write_text("1")
    return Places(project=tmp_path, cache=tmp_path / "cache")


def mark_built(places: Places) -> None:
    (places.web / "dist").mkdir()
    (places.web / "dist" / ".rtdts-setup").write_text(web._sources_digest(places))


def test_pages_are_not_built_in_a_new_clone(places: Places) -> None:
    assert not web.pages_are_built(places)
    assert not web.packages_are_there(places)


@pytest.mark.parametrize("changed", ["index.html", "package-lock.json", "tracking/app.tsx"])
def test_pages_are_out_of_date_after_a_source_changed(places: Places, changed: str) -> None:
    mark_built(places)
    assert web.pages_are_built(places)

    (places.web / changed).write_text("2")

    assert not web.pages_are_built(places)


def test_pages_are_up_to_date_after_only_tests_or_packages_changed(places: Places) -> None:
    mark_built(places)
    (places.web / "tracking" / "test" / "app.test.ts").write_text("2")
    (places.web / "node_modules").mkdir()
    (places.web / "node_modules" / "x.js").write_text("2")

    assert web.pages_are_built(places)


def test_without_node_the_remedy_is_printed(places: Places) -> None:
    with pytest.raises(SetupError, match="Node"):
        web.node_command(places)
