"""``python -m bench.truth``: how often `arrived` is right; tables, and a JSON file."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench.figures import table_of, write_json
from bench.truth import eta_accuracy, recorded
from bench.truth.cases import CASES
from bench.truth.drives import drive_named, drives_of
from bench.truth.explaining import explained, failures
from bench.truth.geometry import Geometry, Part, names_of
from bench.truth.measuring import measure
from bench.truth.results import case_table, figures_of, results_of, summary_table
from bench.truth.tracks import BadTrackError, track_of

DEFAULT_OUT = Path(__file__).parents[1] / "results" / "truth.json"
PER_CASE, PER_CASE_QUICKLY = 12, 1
ETA_DRIVES, ETA_DRIVES_QUICKLY = 400, 2
EXIT_OK, EXIT_NO_SUCH_DRIVE = 0, 1
TITLES = {one.name: one.title for one in CASES} | {recorded.CASE: recorded.TITLE}


def main(argv: Sequence[str]) -> int:
    """Measures, or explains one drive; returns the exit code."""
    args = _parser().parse_args(argv)
    per_case = PER_CASE_QUICKLY if args.quick else args.per_case
    tracks: list[Geometry] = args.tracks
    if args.explain:
        return _explain(args.explain, tracks)
    part = Part(args.part)
    started_s = time.monotonic()
    _print_line(f"drives over {', '.join(names_of(part))}")
    rows = measure(drives_of(part, per_case, tracks), _print_line)
    _print_line("confidence intervals")
    results = results_of(rows)
    console = Console(width=None if sys.stdout.isatty() else 150)
    console.print(summary_table(results))
    console.print(case_table(rows, TITLES))
    faults = list(failures(rows))
    print(f"{len(faults)} drives to look at (--explain NAME):" if faults else "no drive at fault")
    for fault in faults:
        print(f"  {fault}")
    _print_line("ETA ranges of longer drives")
    longer = eta_accuracy.all_figures(
        names_of(part), ETA_DRIVES_QUICKLY if args.quick else ETA_DRIVES
    )
    console.print(table_of(longer))
    figures = [*figures_of(results, rows), *longer]
    write_json(figures, args.out)
    print(f"{len(rows)} drives in {time.monotonic() - started_s:.0f} s; written to {args.out}")
    return EXIT_OK


def _explain(name: str, tracks: Sequence[Geometry]) -> int:
    drive = drive_named(name, tracks)
    if drive is None:
        print(f"there is no drive {name}; a run lists those at fault", file=sys.stderr)
        return EXIT_NO_SUCH_DRIVE
    for line in explained(drive):
        print(line)
    return EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.truth",
        description="Measures how often `arrived` is right, how exact its time is, which jumps "
        "viewers see, and how good the ETA ranges are, and compares each with simpler methods. "
        "The drives are on recorded roads, their noise-free tracks are known, and they are the "
        "same in every run.",
        epilog="Exit code: 0 if measured, whether or not the aims are met; 1 if there is no "
        "drive of that name. Progress goes to standard error.",
    )
    parser.add_argument(
        "--part",
        choices=[part.value for part in Part],
        default=Part.REPORT.value,
        help="which roads; choose limits on 'tuning' only (default: %(default)s)",
    )
    parser.add_argument(
        "--per-case",
        type=int,
        default=PER_CASE,
        metavar="N",
        help="number of drives per case (default: %(default)s)",
    )
    parser.add_argument(
        "--tracks",
        nargs="+",
        type=_track,
        default=[],
        metavar="FILE",
        help="also drive your own recorded tracks: files of JSON lines with recorded_at, lat "
        "and lon",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one drive per case, which only shows that everything works",
    )
    parser.add_argument(
        "--explain",
        metavar="NAME",
        help="do not measure; show truth, events and points of this drive",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=DEFAULT_OUT,
        metavar="FILE",
        help="file for the results as JSON (default: %(default)s)",
    )
    return parser


def _track(path: str) -> Geometry:
    try:
        return track_of(Path(path))
    except (BadTrackError, OSError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _print_line(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
