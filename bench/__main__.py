"""``python -m bench``: runs the benchmarks; writes a table and a JSON file."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench.figures import Benchmark, CannotMeasureError, Figure, table_of, write_json

MODULES = (
    "enrich_points",
    "ingest_points",
    "fanout_posts",
    "round_viewers",
    "sockets_held",
    "round_under_429",
    "mqtt_points",
    "document_bytes",
    "fleet_view",
    "consumer_points",
    "wide_fleet_points",
    "late_points",
    "status_age_p99",
)
"""Modules with a `BENCHMARK`; those that start engines are last."""

DEFAULT_OUT = Path(__file__).with_name("results") / "latest.json"
EXIT_OK, EXIT_NOT_MEASURED, EXIT_BEYOND, EXIT_INTERRUPTED = 0, 1, 3, 130


def main(argv: Sequence[str]) -> int:
    """Runs them; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures the throughput of each part, and alternates in the same run with "
        "a baseline: what a user would otherwise use. Rates per core are by CPU time, so other "
        "load on the machine changes them little. The other rates are by the clock.",
        epilog="Exit code: 0 if everything was measured and is within its limit, 1 if something "
        "was not measured, 3 if a figure is beyond its limit (not checked with --quick), 130 "
        "after Ctrl-C. Progress goes to standard error.",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=MODULES,
        metavar="NAME",
        help=f"only these: {', '.join(MODULES)}",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="run at a size that only shows that everything works; the figures are meaningless",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=DEFAULT_OUT,
        metavar="FILE",
        help="file for the results as JSON (default: %(default)s)",
    )
    args = parser.parse_args(argv)
    figures: list[Figure] = []
    problems: list[str] = []
    try:
        for name in args.only or MODULES:
            benchmark: Benchmark = importlib.import_module(f"bench.{name}").BENCHMARK
            figures += _run(benchmark, args.quick, problems)
    except KeyboardInterrupt:
        _print_line("interrupted")
        return EXIT_INTERRUPTED
    Console(width=None if sys.stdout.isatty() else 120).print(table_of(figures))
    write_json(figures, args.out)
    print(f"written to {args.out}")
    lines, code = verdict(figures, problems, quick=args.quick)
    for line in lines:
        print(line)
    return code


def verdict(
    figures: Sequence[Figure], problems: Sequence[str], *, quick: bool
) -> tuple[list[str], int]:
    """What was not measured or is beyond its limit, as lines, and the exit code."""
    beyond = [] if quick else [one for one in figures if one.is_beyond]
    lines = [
        *(f"NOT MEASURED: {problem}" for problem in problems),
        *(
            f"BEYOND ITS LIMIT: {one.name}: {one.value:,.6g} {one.unit}, at most {one.at_most:g}"
            for one in beyond
        ),
    ]
    if problems:
        return lines, EXIT_NOT_MEASURED
    return lines, EXIT_BEYOND if beyond else EXIT_OK


def _run(benchmark: Benchmark, quick: bool, problems: list[str]) -> list[Figure]:
    started_s = time.monotonic()
    _print_line(f"{benchmark.name}: {benchmark.title}")
    figures: list[Figure] = []
    try:
        for figure in benchmark.run(quick, lambda text: _print_line(f"  {text}")):
            figures.append(figure)
            _print_line(f"  {figure.name}: {figure.value:,.6g} {figure.unit}")
    except CannotMeasureError as error:
        problems.append(f"{benchmark.name}: {error}")
    _print_line(f"  done in {time.monotonic() - started_s:.0f} s")
    return figures


def _print_line(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
