"""CPU time of the parts of a local cloud, read from this machine's processes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PARTS: Final = {"broadcaster": "broadcaster*.pid", "gateway": "socket-gateway.pid"}
"""The parts whose CPU time per message is reported, and their pid files in a run folder."""


@dataclass(frozen=True)
class CpuMeter:
    """CPU seconds of parts of a local cloud, without their child processes.

    A broadcaster has no children; the gateway's are the Lambdas, whose time no message causes.

    Attributes:
        run_dir: The local cloud's run folder.
        proc: The proc file system (Linux).
    """

    run_dir: Path
    proc: Path = Path("/proc")

    def read(self) -> dict[str, float]:
        """Seconds so far, by part; parts without a process on this machine are omitted."""
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
