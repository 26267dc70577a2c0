"""The steps of set-up, in order: each checks whether it is done, and does only what is missing."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

from sim.setup import jars, kinesis_local, machine, mqtt_broker, opensearch, python_tools, web
from sim.setup.places import Places, find_places
from sim.setup.problems import SetupError


@dataclasses.dataclass(frozen=True)
class Step:
    """One step of set-up.

    Attributes:
        title: What the step does, as text for the user.
        is_done: Whether it is done; cheap, as every command of the Makefile calls it.
        do: Does the step; reports progress to the given terminal.
    """

    title: str
    is_done: Callable[[Places], bool]
    do: Callable[[Places, Terminal], None]


class Terminal:
    """Reports on standard error what set-up is doing."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._stream = stream
        self._shown_percent = 0

    def print_line(self, text: str) -> None:
        """Prints a line at once."""
        print(text, file=self._stream, flush=True)

    def progress(self, done: int, total: int) -> None:
        """Reports the progress of a download: in place on a terminal, else at each quarter."""
        percent = 100 * done // total
        document = f"    {done / 2**20:.0f} of {total / 2**20:.0f} MB"
        if self._stream.isatty():
            self._stream.write(f"\r{document}" + ("\n" if done == total else ""))
            self._stream.flush()
        elif percent // 25 > self._shown_percent // 25:
            self.print_line(document)
        self._shown_percent = percent % 100


STEPS = (
    Step(
        "uv, which makes the virtual environments",
        python_tools.uv_is_there,
        lambda places, _: python_tools.install_uv(places),
    ),
    Step(
        "virtual environment .venv (the KCL's jars with it: about a minute the first time)",
        python_tools.venv_is_done,
        lambda places, _: python_tools.make_venv(places),
    ),
    Step(
        "virtual environment of ministack, the local AWS",
        python_tools.ministack_is_done,
        lambda places, _: python_tools.make_ministack_venv(places),
    ),
    Step(
        "jars: OpenSearch's, the MQTT broker's, and one for the KCL",
        jars.jars_are_there,
        lambda places, terminal: jars.fetch_jars(places, terminal.progress),
    ),
    Step(
        "OpenSearch's launcher, and a trial start",
        opensearch.node_is_prepared,
        lambda places, _: opensearch.prepare_node(places),
    ),
    Step(
        "the MQTT broker's launcher",
        mqtt_broker.broker_is_prepared,
        lambda places, _: mqtt_broker.prepare_broker(places),
    ),
    Step(
        "kinesis-local, a Kinesis that reshards, for tests",
        kinesis_local.kinesis_local_is_there,
        lambda places, _: kinesis_local.fetch_kinesis_local(places),
    ),
    Step(
        "the web pages' packages",
        web.packages_are_there,
        lambda places, _: web.fetch_packages(places),
    ),
    Step(
        "the web pages",
        web.pages_are_built,
        lambda places, _: web.build_pages(places),
    ),
)


def set_up(places: Places, terminal: Terminal, steps: Sequence[Step] = STEPS) -> None:
    """Does the steps that aren't done yet.

    Raises:
        SetupError: A step failed; the next run continues from there.
    """
    if all(step.is_done(places) for step in steps):
        return
    started = time.monotonic()
    places.cache.mkdir(parents=True, exist_ok=True)
    warning = machine.check_memory(machine.available_memory_mb())
    if warning:
        terminal.print_line(f"set-up: warning: {warning}")
    with _alone(places, terminal):
        for number, step in enumerate(steps, 1):
            if step.is_done(places):
                continue
            machine.check_disk(places.cache)
            terminal.print_line(f"set-up {number}/{len(steps)}: {step.title}")
            step.do(places, terminal)
    terminal.print_line(
        f"set-up: done in {time.monotonic() - started:.0f} s (cache: {places.cache})"
    )


@contextlib.contextmanager
def _alone(places: Places, terminal: Terminal) -> Iterator[None]:
    """Ensures that only one set-up at a time works in a cache."""
    with (places.cache / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            terminal.print_line("set-up: waiting for another set-up that uses the same cache")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Runs the set-up; returns the exit code."""
    terminal = Terminal()
    try:
        set_up(find_places(), terminal)
    except SetupError as problem:
        terminal.print_line(f"set-up: {problem}")
        return 1
    except KeyboardInterrupt:
        terminal.print_line("\nset-up: interrupted; run it again to continue")
        return 130
    return 0
