"""The breaks, as data: what could go wrong with the code, and the tests that must notice.

At least one for each guarantee, each small and plausible: what a tired person would write. By the
source's file and the break's name: the guarantee that it takes away, the text that it replaces, its
replacement, and the tests. ``python -m tests.mutations --show FILE`` prints a source as breaks see
it. A break applies exactly once, which tests/architecture/test_breaks_in_step.py checks: a change
of that code brings the break along.
"""

from __future__ import annotations

from tests.mutations.applying import Break
from tests.mutations.breaks import (
    api_lambdas,
    broadcaster,
    clients,
    consumer,
    ingest,
    operations,
    stores,
    tracking,
)

BREAKS = tuple(
    Break(name, file, change)
    for room in (ingest, stores, consumer, tracking, api_lambdas, broadcaster, clients, operations)
    for file, changes in room.BREAKS.items()
    for name, change in changes.items()
)
