"""The diagrams in docs/tracking.md and docs/architecture.md are up to date with the code."""

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
"""Mathematical functions differ in their last digit between machines."""


@pytest.mark.parametrize("name", DIAGRAMS)
def test_a_diagram_of_tracking_is_up_to_date_with_the_code(name: str) -> None:
    drawn, kept = DIAGRAMS[name](), (FOLDER / name).read_text(encoding="utf-8")

    assert A_NUMBER.sub("#", drawn) == A_NUMBER.sub("#", kept), (
        "to draw them again: python -m tests.support.tracking_diagrams"
    )
    assert numbers(drawn) == pytest.approx(numbers(kept), abs=TOLERANCE_PX)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_diagram_of_the_architecture_is_up_to_date_with_its_source(source: Path) -> None:
    image = diagram_of(source)

    assert draw(source) == image.read_text(encoding="utf-8"), (
        "to draw it again: python -m tests.support.architecture_diagrams"
    )
    assert f"(images/{image.name})" in (ROOT / "docs" / "architecture.md").read_text()


def test_the_document_shows_exactly_the_diagrams_of_tracking_that_are_drawn() -> None:
    document = (ROOT / "docs" / "tracking.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^\]]+\]\(images/([\w.-]+)\)", document)

    assert sorted(shown) == sorted(DIAGRAMS)
    assert sorted(path.name for path in FOLDER.glob("tracking-*")) == sorted(DIAGRAMS)


def test_the_documented_rule_for_apps_shows_the_events_that_are_in_effect() -> None:
    log = a_late_drive().log
    folded = fold_log(log)

    assert [event.version for event in events_to_show(log)] == [
        folded.anchor.version,
        *(entry.version for entry in folded.entries),
    ]


def events_to_show(log: Sequence[DeliveryEvent]) -> list[DeliveryEvent]:
    """Returns the events that an app shows by the rule in docs/tracking.md."""
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
