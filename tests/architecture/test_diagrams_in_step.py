"""The pictures of docs/tracking.md and docs/architecture.md are what their commands draw today."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from rtdts.tracking.deliveries import Cause, DeliveryEvent
from rtdts.tracking.delivery_log import fold_log
from tests.support.architecture_diagrams import SOURCES, diagram_of, draw
from tests.support.source_tree import ROOT
from tests.support.tracked_drives import a_late_drive
from tests.support.tracking_diagrams import DIAGRAMS, FOLDER

A_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
TOLERANCE_PX = 1.0
"""Mathematical functions differ in their last digit from machine to machine."""


@pytest.mark.parametrize("name", DIAGRAMS)
def test_a_snapshot_shows_what_the_code_does(name: str) -> None:
    drawn, kept = DIAGRAMS[name](), (FOLDER / name).read_text(encoding="utf-8")

    assert A_NUMBER.sub("#", drawn) == A_NUMBER.sub("#", kept), (
        "to draw them anew: python -m tests.support.tracking_diagrams"
    )
    assert numbers(drawn) == pytest.approx(numbers(kept), abs=TOLERANCE_PX)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_diagram_of_the_architecture_is_drawn_from_its_source(source: Path) -> None:
    picture = diagram_of(source)

    assert draw(source) == picture.read_text(encoding="utf-8"), (
        "to draw it anew: python -m tests.support.architecture_diagrams"
    )
    assert f"(images/{picture.name})" in (ROOT / "docs" / "architecture.md").read_text()


def test_each_snapshot_is_shown_and_each_that_is_shown_is_drawn() -> None:
    document = (ROOT / "docs" / "tracking.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^\]]+\]\(images/([\w.-]+)\)", document)

    assert sorted(shown) == sorted(DIAGRAMS)
    assert sorted(path.name for path in FOLDER.glob("tracking-*")) == sorted(DIAGRAMS)


def test_the_events_that_an_app_is_to_show_are_those_that_stand() -> None:
    log = a_late_drive().log
    folded = fold_log(log)

    assert [event.version for event in events_to_show(log)] == [
        folded.anchor.version,
        *(entry.version for entry in folded.entries),
    ]


def events_to_show(log: Sequence[DeliveryEvent]) -> list[DeliveryEvent]:
    """As docs/tracking.md states it."""
    shown: list[DeliveryEvent] = []
    for event in log:
        if event.cause is not Cause.CORRECTED:
            shown.append(event)
            continue
        places = [n for n, one in enumerate(shown) if one.status is event.status]
        shown = shown[: places[-1] + 1] if places else [*shown, event]
    return shown


def numbers(svg: str) -> list[float]:
    return [float(number) for number in A_NUMBER.findall(svg)]
