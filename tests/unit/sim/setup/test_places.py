from __future__ import annotations

from pathlib import Path

from sim.setup.places import find_places


def test_the_cache_is_where_rtdts_cache_says() -> None:
    places = find_places({"RTDTS_CACHE": "/big/rtdts", "XDG_CACHE_HOME": "/x", "HOME": "/h"})

    assert places.cache == Path("/big/rtdts")


def test_the_cache_is_in_the_users_cache_folder_by_default() -> None:
    assert find_places({"XDG_CACHE_HOME": "/x", "HOME": "/h"}).cache == Path("/x/rtdts")
    assert find_places({"HOME": "/h"}).cache == Path("/h/.cache/rtdts")


def test_places_of_a_work_tree_are_in_it() -> None:
    places = find_places({"HOME": "/h"}, Path("/project"))

    assert places.python == Path("/project/.venv/bin/python")
    assert places.ministack.is_relative_to("/project")
