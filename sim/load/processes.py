"""What the parts of a local cloud spend, read from this machine's processes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PARTS: Final = {"broadcaster": "broadcaster*.pid", "gateway": "socket-gateway.pid"}
"""Whose CPU a message is told of; the files in which a run folder has their processes."""


@dataclass(frozen=True)
class CpuMeter:
    """CPU seconds of parts of a local cloud, their children not included.

    A broadcaster's children are none; a gateway's are the Lambdas, whose time is no message's.

    Attributes:
        run_dir: The local cloud's run folder.
        proc: Where the system shows processes (Linux).
    """

    run_dir: Path
    proc: Path = Path("/proc")

    def read(self) -> dict[str, float]:
        """Seconds so far, by part; parts of which there is no process here are left out."""
        found: dict[str, float] = {}
        for part, pattern in PARTS.items():
            for file in self.run_dir.glob(pattern):
                try:
                    stat = (self.proc / file.read_text().strip() / "stat").read_text()
                except OSError:
                    continue
                fields = stat.rsplit(")", 1)[1].split()
                ticks = int(fields[11]) + int(fields[12])
                found[part] = found.get(part, 0.0) + ticks / os.sysconf("SC_CLK_TCK")
        return found
