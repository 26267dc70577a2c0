"""Erases in rounds: erase, count what is left in every store, and repeat while there is any.

While one store is scanned, another may receive something new. The next round finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from operations.console import Console
from operations.errors import UnfinishedError

ROUNDS = 3

Counts = Mapping[str, int]
Step = tuple[str, int]
"""A place, and how many were deleted there since the last step."""


class Bucket(Protocol):
    """See `ParkedRecords`, `SetAsideBatches` and `FirehoseBackup` of `rtdts.telemetry_stream`."""

    def erase_truck(self, truck_id: str, *, dry_run: bool) -> Iterator[Step]:
        """Processes all versions; yields each one's key and the number of the truck's records.

        Raises:
            rtdts.telemetry_stream.backup_format.BrokenObjectError: At the end: some can't be read.
        """


def erase_in_rounds(
    erase: Callable[[], Iterable[Step]], count: Callable[[], Counts], console: Console
) -> dict[str, int]:
    """Erases until nothing is left.

    Args:
        erase: Erases everything that it finds.
        count: Counts what is left in the stores, by place.
        console: Where progress is reported.

    Returns:
        How many were deleted, by place.

    Raises:
        UnfinishedError: Something is left after the last round.
    """
    erased: dict[str, int] = {}
    left: Counts = {}
    for number in range(1, ROUNDS + 1):
        for place, count_erased in erase():
            erased[place] = erased.get(place, 0) + count_erased
            console.progress(f"round {number}: {place}: {erased[place]} deleted")
        console.print_line("counting what is left")
        left = {place: number for place, number in count().items() if number}
        if not left:
            return erased
        console.print_line(f"round {number} left {counts_text(left)}")
    raise UnfinishedError(
        f"left: {counts_text(left)}; see what still writes it, and run this again"
    )


def counts_text(counts: Counts) -> str:
    """Formats counts as text."""
    return ", ".join(f"{place} {number}" for place, number in counts.items()) or "nothing"


def steps_in(place: str, steps: Iterable[Step], console: Console) -> Iterator[Step]:
    """Yields a bucket's steps as steps of one place."""
    for number, (key, held) in enumerate(steps, start=1):
        console.progress(f"{place}: {number} versions examined, {key}")
        if held:
            yield place, held
