"""The breaks, as data: what could go wrong with the code, and the tests that must detect it.

There is at least one for each guarantee, each small and plausible: what a tired developer would
write. By the source's file and the break's name, there is the guarantee that it breaks, the text
that it replaces, the replacement, and the tests. ``python -m tests.mutations --show FILE`` prints a
source as breaks see it. A break must apply exactly once, so a change of its code must update the
break; tests/architecture/test_breaks_in_step.py checks this.
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
    for module in (
        ingest,
        stores,
        consumer,
        tracking,
        api_lambdas,
        broadcaster,
        clients,
        operations,
    )
    for file, changes in module.BREAKS.items()
    for name, change in changes.items()
)
