"""Writing many items, each with a fate of its own, until every one has a final one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from consumer.retrying import FIRST_WAIT_S, MOST_WAIT_S, Budget
from rtdts.position_store.bulk import Fate, ItemOutcome
from rtdts.runtime.backoff import backoff_s

W = TypeVar("W")


def write_all(
    operation: str,
    writes: Sequence[W],
    write: Callable[[Sequence[W]], list[ItemOutcome]],
    budget: Budget,
) -> list[tuple[W, str]]:
    """Writes all; only what failed for a reason that passes is written again.

    Args:
        operation: What it is, for the log.
        writes: What to write; every write must be one that may be repeated.
        write: Writes them, and says what became of each.
        budget: How long to go on.

    Returns:
        What was rejected for its own fault, with the reasons. A conflict is none: it says that
        something newer is there.

    Raises:
        StoreGone: The budget is used up.
    """
    rejected: list[tuple[W, str]] = []
    pending = list(writes)
    waits_s = backoff_s(first_s=FIRST_WAIT_S, most_s=MOST_WAIT_S)
    while pending:
        outcomes = budget.call(operation, partial(write, pending))
        fated = list(zip(pending, outcomes, strict=True))
        rejected += [(one, o.reason) for one, o in fated if o.fate is Fate.REJECTED]
        passing = [(one, o.reason) for one, o in fated if o.fate is Fate.RETRYABLE]
        pending = [one for one, _ in passing]
        if passing:
            budget.wait(operation, next(waits_s), passing[0][1])
    return rejected
