"""The fan-out: posts per second of one core, to a server that responds with 200 at once.

Measured by CPU time, each contender in its own process: the cost of a post bounds a round, however
slow the responses are. Awaiting many responses concurrently gains nothing there. That is measured
separately, by elapsed time, with a server that responds after 20 ms, as API Gateway does.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from bench.figures import Benchmark, Figure, PrintLine, beside
from bench.stub_server import stub_server
from bench.timing import interleaved
from sim.setup.places import PROJECT, find_places

AT_ONCE = (200, 20, 800)
"""Concurrent posts; the usual number first."""
RESPONSE_MS = 20
REQUIREMENTS = Path(__file__).parent / "baselines" / "requirements-aiobotocore.txt"
"""The asynchronous SDK pins another botocore than ours, so it has its own environment."""


@dataclasses.dataclass(frozen=True)
class _Contender:
    """One way to post, and how many posts take it about a second."""

    name: str
    count: int
    at_once: int
    python: Sequence[str] = (sys.executable,)

    def rate(self, by: str, url: str, share: float) -> float:
        """Posts per second of `cpu_s` or `elapsed_s`."""
        count = max(20, round(self.count * share))
        done = subprocess.run(
            [*self.python, "bench/posting.py", self.name, url, str(count), str(self.at_once)],
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT), "UV_CACHE_DIR": _uv_cache()},
            capture_output=True,
            text=True,
            check=True,
        )
        spent: dict[str, float] = json.loads(done.stdout)
        return count / spent[by]


def run(quick: bool, print_line: PrintLine) -> Iterator[Figure]:
    """Measures."""
    share, repeats = (0.02, 1) if quick else (1.0, 3)
    ours = {f"ours, {n} at once": _Contender("ours", 12_000, n) for n in AT_ONCE}
    baselines = {
        "boto3, one after another": _Contender("boto3", 1_200, 1),
        "boto3, 32 threads": _Contender("boto3", 1_200, 32),
        "aiohttp with our signer": _Contender("aiohttp", 4_000, AT_ONCE[0]),
    }
    asynchronous = _asynchronous_sdk(print_line)
    if asynchronous is not None:
        baselines["aiobotocore, 200 at once"] = asynchronous
    with stub_server() as url:
        rates = interleaved(
            {
                name: partial(contender.rate, "cpu_s", url, share)
                for name, contender in {**ours, **baselines}.items()
            },
            repeats=repeats,
        )
    usual, *others = ours
    best = max((name for name in baselines if "boto3," in name), key=rates.__getitem__)
    unit = "posts/s per core"
    yield beside("fanout_posts", rates[usual], unit, f"{best} (its best)", rates[best])
    for name, at_once in zip(others, AT_ONCE[1:], strict=True):
        yield beside(f"fanout_posts.{at_once}_at_once", rates[name], unit, best, rates[best])
    for baseline in baselines:
        if baseline != best:
            label = "boto3_otherwise" if "boto3" in baseline else re.split("[ ,]", baseline)[0]
            yield beside(
                f"fanout_posts.beside_{label}", rates[usual], unit, baseline, rates[baseline]
            )
    yield from _by_the_clock(share, repeats)


def _by_the_clock(share: float, repeats: int) -> Iterator[Figure]:
    contenders = {
        "ours": _Contender("ours", 6_000, AT_ONCE[0]),
        "ours, each awaited before the next": _Contender("ours", 60, 1),
        "boto3, 32 threads": _Contender("boto3", 800, 32),
    }
    with stub_server(RESPONSE_MS) as url:
        rates = interleaved(
            {
                name: partial(contender.rate, "elapsed_s", url, share)
                for name, contender in contenders.items()
            },
            repeats=repeats,
        )
    for baseline in list(contenders)[1:]:
        label = "awaited" if "awaited" in baseline else "threads"
        yield beside(
            f"fanout_posts_answered_after_{RESPONSE_MS}_ms.beside_{label}",
            rates["ours"],
            "posts/s",
            baseline,
            rates[baseline],
        )


def _asynchronous_sdk(print_line: PrintLine) -> _Contender | None:
    python = (
        *(str(find_places().uv), "run", "--quiet", "--no-project", "--python", sys.executable),
        *("--with-requirements", str(REQUIREMENTS), "python"),
    )
    contender = _Contender("aiobotocore", 1_500, AT_ONCE[0], python)
    try:
        with stub_server() as url:
            contender.rate("cpu_s", url, 0.0)
    except (subprocess.CalledProcessError, OSError) as error:
        reason = getattr(error, "stderr", "") or str(error)
        print_line(f"no aiobotocore: it can't be installed: {reason.strip().splitlines()[-1]}")
        return None
    return contender


def _uv_cache() -> str:
    return str(find_places().uv_cache)


BENCHMARK = Benchmark(
    name="fanout_posts", title="posts per second of one core, beside the SDKs", run=run
)
