"""``make mutations``: breaks the code on purpose, and checks that the tests detect it.

Each break is applied to a copy of the working tree, and only the tests that it names are run.
The exit code is 0 only if all of these tests failed for every break.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.mutations.applying import Break, readable
from tests.mutations.breaks.index import BREAKS
from tests.mutations.running import (
    BreakError,
    Verdict,
    copied_tree,
    failing_unbroken,
    try_break,
)

AT_ONCE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Tries the requested breaks."""
    requested = _parser().parse_args(arguments)
    if requested.show:
        sys.stdout.write(f"{readable(requested.show)}\n")
        return 0
    chosen = [one for one in BREAKS if not requested.only or one.name in requested.only]
    if requested.list:
        _list(chosen)
        return 0
    started_s = time.monotonic()
    console = Console(highlight=False, soft_wrap=True)
    with copied_tree() as original:
        console.print(f"{len(chosen)} breaks; first, their tests without a break")
        try:
            failing = failing_unbroken(chosen, original)
        except BreakError as error:
            console.print(f"[bold red]{error}[/]")
            return 1
        if failing:
            console.print("[bold red]these tests fail without any break:[/]")
            console.print(*sorted(failing), sep="\n")
            return 1
        verdicts = []
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for verdict in pool.map(partial(try_break, original=original), chosen):
                verdicts.append(verdict)
                _report(console, verdict, f"{len(verdicts):2}/{len(chosen)}")
    console.print(_table(chosen, verdicts))
    for verdict in verdicts:
        if not verdict.is_detected:
            _report(console, verdict, "  ")
    detected = sum(verdict.is_detected for verdict in verdicts)
    took_s = time.monotonic() - started_s
    console.print(f"{detected} of {len(chosen)} breaks were detected, in {took_s:.0f} s")
    return 0 if detected == len(chosen) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutations",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only",
        metavar="NAME",
        action="append",
        choices=[one.name for one in BREAKS],
        help="only this break (may be repeated)",
    )
    parser.add_argument("--list", action="store_true", help="list the breaks and exit")
    parser.add_argument(
        "--show",
        metavar="FILE",
        type=Path,
        help="print a source in the form that breaks are applied to, and exit",
    )
    return parser


def _list(chosen: Sequence[Break]) -> None:
    for one in chosen:
        sys.stdout.write(f"{one.change.guarantee.number}  {one.name}  ({one.file})\n")
        sys.stdout.writelines(f"     {test}\n" for test in one.tests)


def _report(console: Console, verdict: Verdict, number: str) -> None:
    console.print(f"{number} [bold]{verdict.name}[/] {_word(verdict)} {verdict.problem}")
    for test in verdict.red:
        console.print(f"      [red]red[/]   {test}")
    for test in verdict.blind:
        console.print(f"      [green]green[/] {test}")


def _word(verdict: Verdict) -> str:
    if verdict.problem:
        return "[bold yellow]not tried[/]"
    return "[green]detected[/]" if verdict.is_detected else "[bold red]NOT DETECTED[/]"


def _table(chosen: Sequence[Break], verdicts: Sequence[Verdict]) -> Table:
    table = Table(
        title="Breaks of the code, with the guarantee that each breaks", title_justify="left"
    )
    for heading, width in (("", 1), ("break", 46), ("red", 5), ("", 11)):
        table.add_column(heading, width=width, no_wrap=True)
    for one, verdict in zip(chosen, verdicts, strict=True):
        red = f"{len(verdict.red)}/{len(one.tests)}"
        table.add_row(str(one.change.guarantee.number), one.name, red, _word(verdict))
    return table


if __name__ == "__main__":
    sys.exit(main())
