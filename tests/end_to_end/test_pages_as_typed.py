"""The commands of the documentation, typed into a terminal exactly as they are written."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sim.local_cloud.launch import LaunchedCloud
from tests.support.drive_checks import documents_of
from tests.support.source_tree import ROOT
from tests.support.terminal import Terminal, blocks_of, clone_with, open_terminal
from tests.support.waiting import eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

PHONES = "docs/phones.md"


@pytest.fixture
def terminal(local_cloud: LaunchedCloud, tmp_path: Path) -> Iterator[Terminal]:
    """A terminal in the root of a clone in which `sim up` runs."""
    programs = tmp_path / "programs"
    programs.mkdir()
    stand_in = programs / "mosquitto_pub"
    module = "tests.support.mosquitto_pub"
    stand_in.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m {module} "$@"\n')
    stand_in.chmod(0o755)
    clone = clone_with(local_cloud.environment, tmp_path / "clone")
    with open_terminal(clone, programs=programs) as terminal:
        yield terminal


@pytest.fixture
def points(local_cloud: LaunchedCloud) -> Callable[[], int]:
    """How many points of T-1 have come since the test began."""
    environment = local_cloud.environment
    before = documents_of(environment, "T-1")
    return lambda: documents_of(environment, "T-1") - before


def test_the_readmes_commands_publish_and_show_a_point(
    terminal: Terminal, points: Callable[[], int]
) -> None:
    over_http, over_mqtt, last_position, share, *_ = blocks_of("README.md", "## By hand")
    frame = re.findall(r"then type: (\{.*\})", over_http)[0]

    terminal.type(over_http)
    terminal.shows("Connected to")
    assert '"status":"assigned"' in terminal.output
    assert '"accepted":1' in terminal.output
    terminal.type(frame)
    terminal.shows('"type":"snapshot"')
    terminal.interrupt()
    output = terminal.run(f"{over_mqtt}echo exit code $?")

    assert "exit code 0" in output
    assert "Warning" not in output
    eventually(lambda: '"lat":41.8755' in terminal.run(last_position))
    assert '"source":"mqtt"' in terminal.run(last_position)
    assert points() == 2
    assert '"ticket":' in terminal.run(share)


def test_the_commands_of_the_page_about_mqtt_publish_a_point(
    terminal: Terminal, points: Callable[[], int]
) -> None:
    (publish, *_) = blocks_of("docs/mqtt.md", "## Publish a point by hand")

    assert "exit code 0" in terminal.run(f"{publish}echo exit code $?")
    eventually(lambda: points() == 1)


def test_the_commands_of_the_page_about_phones_make_a_phone_a_truck(
    terminal: Terminal, points: Callable[[], int]
) -> None:
    add = blocks_of(PHONES, "## 2. Add the phone")[0]
    (add_for_mqtt,) = blocks_of(PHONES, "### OwnTracks over MQTT")
    last_position = blocks_of(PHONES, "## 3. Set up the app")[0]
    owntracks, traccar_client, over_mqtt = blocks_of(PHONES, "## 4. Without a phone")
    (list_and_revoke,) = blocks_of(PHONES, "## List and revoke")

    secret = value_of("Password", terminal.run(add))
    typed = {"SECRET": secret}
    assert re.search(r"^\[\]", terminal.run(with_values(owntracks, typed)), re.MULTILINE)
    assert re.search(r"^\{\}", terminal.run(with_values(traccar_client, typed)), re.MULTILINE)

    shown = terminal.run(add_for_mqtt)
    typed = {"SECRET": value_of("Password", shown), "DEVICE": value_of("Device ID", shown)}
    output = terminal.run(f"{with_values(over_mqtt, typed)}echo exit code $?")
    assert "exit code 0" in output
    eventually(lambda: points() == 3)
    eventually(lambda: '"lat":41.880' in terminal.run(last_position))

    output = terminal.run(list_and_revoke)
    assert "(Kim's phone)" in output
    assert "respected everywhere" in output


def value_of(label: str, shown: str) -> str:
    """The line that `device add` prints for a label."""
    return re.findall(rf"^ *(?:or type: )?{label} (\S+)$", shown, re.MULTILINE)[0]


def with_values(block: str, values: dict[str, str]) -> str:
    """A block with these values in place of its words in capitals."""
    for name, value in values.items():
        assert name in block
        block = re.sub(rf"\b{name}\b", value, block)
    return block
