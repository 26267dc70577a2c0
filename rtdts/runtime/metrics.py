"""Metrics as CloudWatch Embedded Metric Format lines: declared as data, one per batch or round.

Format: Amazon CloudWatch User Guide, "Embedded metric format specification". CloudWatch extracts
them from the log stream; locally they are log lines like any other.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

from rtdts.runtime import wall_clock

NAMESPACE = "RTDTS"
DIMENSION = "component"
"""The only dimension: each value of a second one would be billed as a separate metric."""


@dataclasses.dataclass(frozen=True)
class Metric:
    """One metric that a component emits."""

    name: str
    unit: str
    """A CloudWatch unit: Count, Milliseconds, Seconds, Bytes, Percent, None."""


class MetricWriter:
    """Emits the declared metrics of one component."""

    def __init__(
        self,
        component: str,
        metrics: Sequence[Metric],
        *,
        stream: TextIO | None = None,
        now_ms: Callable[[], int] = wall_clock.now_ms,
    ) -> None:
        self._component = component
        self._units = {metric.name: metric.unit for metric in metrics}
        self._stream = stream
        self._now_ms = now_ms

    def emit(self, values: Mapping[str, float], *, at_ms: int | None = None) -> None:
        """Writes one line with these values.

        Args:
            values: Values by metric name.
            at_ms: When the values were measured; None for now.

        Raises:
            KeyError: A name that was not declared.
        """
        line = {
            "_aws": {
                "Timestamp": self._now_ms() if at_ms is None else at_ms,
                "CloudWatchMetrics": [
                    {
                        "Namespace": NAMESPACE,
                        "Dimensions": [[DIMENSION]],
                        "Metrics": [{"Name": n, "Unit": self._units[n]} for n in values],
                    }
                ],
            },
            DIMENSION: self._component,
            **values,
        }
        stream = self._stream or sys.stderr
        stream.write(json.dumps(line, separators=(",", ":")) + "\n")
        stream.flush()
