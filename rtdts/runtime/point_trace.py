"""The life of a point in the logs: one line per step, for the trucks that are traced.

At some thousand points per second, one line per point and step would cost more than everything else
together. So by default there is one line per request, batch and round; only traced trucks have one
line per point.
"""

from __future__ import annotations

from typing import Any, Final

from rtdts.runtime.logs import Logger

EVERY: Final = "*"
HELP: Final = f"comma-separated trucks whose points get a log line in each part; {EVERY} for all"
"""Help text of the setting `TRACE_TRUCKS` of each deployable."""


class PointTrace:
    """Logs each step of the points of some trucks.

    Args:
        trucks: The trucks' ids, comma-separated; `EVERY` for all trucks.
    """

    def __init__(self, trucks: str, log: Logger) -> None:
        self._trucks = frozenset(filter(None, map(str.strip, trucks.split(","))))
        self._has_every = EVERY in self._trucks
        self._log = log

    @property
    def is_on(self) -> bool:
        """Whether any truck is traced; checked before any field of a line is prepared."""
        return bool(self._trucks)

    def follows(self, truck_id: str) -> bool:
        """Returns whether this truck is traced."""
        return self._has_every or truck_id in self._trucks

    def log(self, step: str, point_id: str, **fields: Any) -> None:
        """Logs one step of a point; does not check whether its truck is traced.

        Args:
            step: What happened to the point.
            point_id: See `rtdts.tracking.point_identity`.
            fields: Further fields of the line.
        """
        self._log.info("point", step=step, point_id=point_id, **fields)
