"""A single broadcaster, and several that share rounds."""

from __future__ import annotations

from sim.environment import Environment
from sim.local_cloud.applications import Intervals, broadcaster_parts
from sim.local_cloud.stack import stop_stages

ENVIRONMENT = Environment(
    server_url="http://server", websocket_url="ws://server", round_queue_url="http://rounds.fifo"
)


def test_a_single_broadcaster_has_no_queue_of_rounds() -> None:
    (part,) = broadcaster_parts(ENVIRONMENT, Intervals())

    assert part.name == "broadcaster"
    assert "ROUND_QUEUE_URL" not in part.environment


def test_several_broadcasters_have_different_names_and_the_same_queue() -> None:
    parts = broadcaster_parts(ENVIRONMENT, Intervals(), count=3)

    assert [part.name for part in parts] == ["broadcaster", "broadcaster-2", "broadcaster-3"]
    assert {part.environment["ROUND_QUEUE_URL"] for part in parts} == {"http://rounds.fifo"}


def test_broadcasters_are_stopped_in_the_first_stage() -> None:
    names = {part.name for part in broadcaster_parts(ENVIRONMENT, Intervals(), count=3)}

    assert names < set(stop_stages(3)[0].parts)
