"""A terminal in the root of a clone, in which a test types a document's commands."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import signal
import subprocess
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

from sim.environment import DEFAULT_ENV_FILE, Environment, write_environment
from sim.local_cloud.engines import plain_environment
from tests.support.source_tree import ROOT
from tests.support.waiting import eventually

_SHELL = ("bash", "--norc", "--noprofile", "--noediting", "-i")
_PROMPT = "the-shell-waits: "
_DONE = "the-block-is-done"


def blocks_of(page: str, heading: str) -> list[str]:
    """Returns the shell blocks of a document's section and its subsections, in order."""
    text = (ROOT / page).read_text("utf-8")
    level = heading.split(" ", 1)[0]
    begin = text.index(f"\n{heading}\n") + len(heading) + 2
    end = re.search(rf"^#{{1,{len(level)}}} ", text[begin:], re.MULTILINE)
    section = text[begin : begin + end.start()] if end else text[begin:]
    return re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def clone_with(environment: Environment, folder: Path) -> Path:
    """Creates a folder that looks like this clone while `sim up` runs in it."""
    place = DEFAULT_ENV_FILE.parent
    (folder / place).mkdir(parents=True)
    write_environment(environment, folder / DEFAULT_ENV_FILE)
    for source, target in ((ROOT, folder), (ROOT / place, folder / place)):
        for entry in source.iterdir():
            if not (target / entry.name).exists():
                (target / entry.name).symlink_to(entry)
    return folder


class Terminal:
    """A shell with its own terminal.

    Attributes:
        output: All of its output, without the typed text.
    """

    def __init__(self, master: int) -> None:
        self.output = ""
        self._master = master
        self._typed_blocks = 0

    def type(self, text: str) -> None:
        """Types some lines."""
        os.write(self._master, f"{text.rstrip()}\n".encode())

    def shows(self, text: str, *, since: int = 0) -> None:
        """Waits until the output contains a text."""
        eventually(lambda: text in self.output[since:])

    def run(self, block: str) -> str:
        """Types a block, waits until it is done, and returns its output."""
        begin = len(self.output)
        self._typed_blocks += 1
        self.type(block)
        self.type(f"echo {_DONE}-''{self._typed_blocks}")
        mark = f"{_DONE}-{self._typed_blocks}"
        self.shows(mark, since=begin)
        return self.output[begin:].split(mark)[0]

    def interrupt(self) -> None:
        """Presses Ctrl-C, and waits for the shell's prompt: it drops text typed before it."""
        begin = len(self.output)
        os.write(self._master, b"\x03")
        self.shows(_PROMPT, since=begin)

    def read(self) -> None:
        """Reads until the shell has ended."""
        with contextlib.suppress(OSError):  # the terminal's other end is closed
            while data := os.read(self._master, 4096):
                self.output += data.decode(errors="replace").replace("\r\n", "\n")


@contextlib.contextmanager
def open_terminal(folder: Path, *, programs: Path | None = None) -> Iterator[Terminal]:
    """Opens a terminal in a folder.

    Args:
        folder: The shell's working directory.
        programs: A folder of programs that is added to its path.
    """
    master, slave = pty.openpty()
    settings = termios.tcgetattr(slave)
    settings[3] &= ~termios.ECHO  # the echo of typed text would look like output
    termios.tcsetattr(slave, termios.TCSANOW, settings)
    environment = {**plain_environment(), "PS1": _PROMPT, "PS2": "", "TERM": "dumb"}
    if programs is not None:
        environment["PATH"] = f"{environment['PATH']}{os.pathsep}{programs}"
    shell = subprocess.Popen(
        _SHELL,
        cwd=folder,
        env=environment,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    terminal = Terminal(master)
    reader = threading.Thread(target=terminal.read, daemon=True)
    reader.start()
    try:
        yield terminal
    finally:
        shell.send_signal(signal.SIGHUP)
        shell.wait()
        reader.join(timeout=10)
        os.close(master)
