"""Prepares the MQTT broker: its launcher."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from sim.local_cloud.mqtt_broker.broker import SOURCE, BrokerFiles
from sim.setup.downloads import PINNED, read_pinned
from sim.setup.java import find_java
from sim.setup.java_launcher import compile_launcher
from sim.setup.places import Places


def broker_is_prepared(places: Places) -> bool:
    """Whether the launcher exists."""
    return _launcher(places).is_file()


def broker_files(places: Places, java: Path) -> BrokerFiles:
    """The files from which a broker starts."""
    return BrokerFiles(java, (_launcher(places), *_jars(places)))


def prepare_broker(places: Places) -> None:
    """Compiles the launcher.

    Raises:
        SetupError: There is no Java, or the launcher doesn't compile.
    """
    java = find_java(os.environ, places.python)
    out = _launcher(places)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rtdts-") as scratch:
        compile_launcher(places, java, SOURCE, jars=_jars(places), out=out, scratch=Path(scratch))


def _launcher(places: Places) -> Path:
    ingredients = hashlib.sha256(SOURCE.read_bytes() + PINNED.read_bytes()).hexdigest()
    return places.mqtt_broker / ingredients[:16] / "launcher.jar"


def _jars(places: Places) -> list[Path]:
    return [file.path(places.downloads) for file in read_pinned("mqtt")]
