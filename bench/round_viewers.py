"""A whole round of the real broadcaster, to a server that responds at once.

Measured by CPU time of the broadcaster's process. Its stores are real, but their clients return
generated responses (see `bench.round_world`).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping

from bench.figures import Benchmark, CannotMeasureError, Figure, PrintLine, beside
from bench.stub_server import stub_server
from sim.setup.places import PROJECT

SIZES = (100_000, 10_000, 1_000)
"""Viewers; the number that one broadcaster must handle alone comes first."""
PLAIN_VIEWERS = 2_000
PLAIN = "a read, a search and an awaited post per viewer"
MB = "MB at the peak"


def run(quick: bool, print_line: PrintLine) -> Iterator[Figure]:
    """Measures."""
    sizes = (1_000, 300, 100) if quick else SIZES
    with stub_server() as url:
        plain_viewers = 200 if quick else PLAIN_VIEWERS
        plain = [_measure("plain", plain_viewers, url)]
        results = {}
        for size in sizes:
            result = results[size] = _measure("round", size, url)
            print_line(
                f"{size:,} viewers: {result['cpu_s']:.1f} s of CPU, {result['elapsed_s']:.1f} s "
                f"by the clock, {result['peak_mb']:.0f} MB"
            )
        # Before and after: the machine's other load changes within the minute.
        plain.append(_measure("plain", plain_viewers, url))
    plain_rate = 2 * plain_viewers / sum(one["cpu_s"] for one in plain)
    unit = "viewers/s per core"
    for place, (size, result) in enumerate(results.items()):
        name = "round_viewers" if place == 0 else f"round_viewers.{size}"
        yield beside(name, size / result["cpu_s"], unit, PLAIN, plain_rate)
    for size, result in results.items():
        per_viewer = "per viewer and minute"
        yield Figure(
            name=f"round_bytes.{size}", value=result["bytes"] / size, unit=f"bytes {per_viewer}"
        )
        yield Figure(
            name=f"round_cpu.{size}",
            value=1e6 * result["cpu_s"] / size,
            unit=f"µs of CPU {per_viewer}",
        )
    first, *_, last = results.values()
    yield Figure(name="round_seconds", value=first["cpu_s"], unit="s of a core, the whole round")
    yield beside(
        "round_memory", first["peak_mb"], MB, f"a round of {sizes[-1]} viewers", last["peak_mb"]
    )


def _measure(mode: str, viewers: int, url: str) -> Mapping[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.round_process", mode, str(viewers), url],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotMeasureError(done.stderr.strip().splitlines()[-1])
    result: Mapping[str, float] = json.loads(done.stdout)
    if result["delivered"] != viewers:
        raise CannotMeasureError(f"{result['delivered']} of {viewers} viewers were reached")
    return result


BENCHMARK = Benchmark(
    name="round_viewers", title="a whole round to 1,000, 10,000 and 100,000 viewers", run=run
)
