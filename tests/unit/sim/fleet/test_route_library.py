"""The vendored routes are roads that were driven, and disjoint."""

import json
import math
from itertools import combinations, pairwise

import pytest

from rtdts.tracking.geodesy import distance_m
from sim.fleet.route_library import BadRouteError, load_routes, parse_route

DEG_OF_111_M = 0.001
"""Of latitude."""


def document(points: list[list[float]], *, timed: bool = False) -> str:
    return json.dumps({"title": "x", "timed": timed, "points": points})


def test_there_are_at_least_five_routes_of_more_than_two_kilometres() -> None:
    routes = load_routes()

    assert len(routes) >= 5
    assert all(route.polyline.length_m > 2_000 for route in routes)


def test_no_two_routes_come_near_each_other() -> None:
    for one, other in combinations(load_routes(), 2):
        near = [
            distance_m(*fix, *other_fix)
            for fix in one.fixes[::5]
            for other_fix in other.fixes[::5]
            if abs(fix[0] - other_fix[0]) < DEG_OF_111_M  # the others are farther away
        ]

        assert min(near, default=math.inf) > 100, (one.name, other.name)


def test_the_times_of_timed_routes_ascend() -> None:
    timed = [route.elapsed_s for route in load_routes() if route.elapsed_s is not None]

    assert len(timed) >= 2
    assert all(before < after for times in timed for before, after in pairwise(times))


def test_the_notice_lists_every_route_and_every_route_has_source_and_licence() -> None:
    from importlib import resources

    folder = resources.files("sim.fleet") / "routes"
    notice = (folder / "NOTICE.txt").read_text()

    for route in load_routes():
        head = json.loads((folder / f"{route.name}.json").read_text())

        assert f"{route.name}.json" in notice
        assert head["licence"] in ("BSD-3-Clause", "Apache-2.0")
        assert head["source"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{}", id="no points"),
        pytest.param("not json", id="not JSON"),
        pytest.param(document([[1, 1]]), id="one fix"),
        pytest.param(document([[1, 1], [1.1, 1]]), id="jumps 11 km"),
        pytest.param(document([[1, 1, 0], [1.001, 1, 1]], timed=True), id="111 m in a second"),
        pytest.param(document([[1, 1, 0], [1.0001, 1, 0]], timed=True), id="two fixes at one time"),
        pytest.param(document([[1, 1], [1.0001, 1]], timed=True), id="times missing"),
    ],
)
def test_an_implausible_route_file_is_rejected_with_its_name(text: str) -> None:
    with pytest.raises(BadRouteError, match="bad_road") as rejected:
        parse_route("bad_road", text)

    assert rejected.value.route == "bad_road"


def test_an_unknown_name_is_rejected() -> None:
    with pytest.raises(BadRouteError, match="no such route"):
        load_routes(["atlantis_1"])
