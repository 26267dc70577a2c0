"""One point's way through the logs: a line at each station, for the trucks that are traced.

A line a point and station would cost more than all else together at some thousand points a second.
So the requests, batches and rounds have a line each, and only who is traced has one a point.
"""

from __future__ import annotations

from typing import Any, Final

from rtdts.runtime.logs import Logger

EVERY: Final = "*"
HELP: Final = f"trucks of whose points each has a line in the log, with commas; {EVERY} for all"
"""What the setting `TRACE_TRUCKS` of each deployable is for."""


class PointTrace:
    """Tells what becomes of the points of some trucks.

    Args:
        trucks: Their ids, with commas between them; `EVERY` for all.
        log: Where to.
    """

    def __init__(self, trucks: str, log: Logger) -> None:
        self._trucks = frozenset(filter(None, map(str.strip, trucks.split(","))))
        self._has_every = EVERY in self._trucks
        self._log = log

    @property
    def is_on(self) -> bool:
        """Whether any truck is traced: what is asked before anything is made ready to be told."""
        return bool(self._trucks)

    def follows(self, truck_id: str) -> bool:
        """Whether this truck is traced."""
        return self._has_every or truck_id in self._trucks

    def log(self, step: str, point_id: str, **fields: Any) -> None:
        """Writes the line of a point at one station, whosever it is.

        Args:
            step: What became of it there.
            point_id: See `rtdts.tracking.point_identity`.
            fields: What else is known there.
        """
        self._log.info("point", step=step, point_id=point_id, **fields)
