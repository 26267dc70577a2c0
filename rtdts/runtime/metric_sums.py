"""Sums the metrics of many small requests before they are written.

A line of metrics per request would cost as much as the request, and graphs and alarms use sums.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping

from rtdts.runtime import wall_clock
from rtdts.runtime.metrics import MetricWriter


class MetricSums:
    """Sums metrics, and writes one line of them at most every `every_s` seconds.

    Nothing wakes a Lambda between two requests, so a line is written by the first request after it
    is due. Sums from before a pause keep their own time. A process that ends loses what it has not
    written: the last seconds before its end.

    Args:
        every_s: Seconds that are summed into one line.
        monotonic_s: Monotonic clock for the intervals, in seconds.
        now_ms: Wall clock for the time of a line.
    """

    def __init__(
        self,
        writer: MetricWriter,
        *,
        every_s: float,
        monotonic_s: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = wall_clock.now_ms,
    ) -> None:
        self._writer = writer
        self._every_s = every_s
        self._monotonic_s = monotonic_s
        self._now_ms = now_ms
        self._sums: Counter[str] = Counter()
        self._written_s = -every_s
        self._added_s = -every_s
        self._added_ms = 0

    def add(self, values: Mapping[str, int], *, at_once: bool = False) -> None:
        """Adds the values of one piece of work.

        Args:
            values: Values by metric name.
            at_once: Whether to write a line now, due or not.

        Raises:
            KeyError: A name that was not declared, when the line is written.
        """
        now_s = self._monotonic_s()
        if self._sums and now_s - self._added_s >= self._every_s:
            self._write()
        self._sums.update(values)
        self._added_s, self._added_ms = now_s, self._now_ms()
        if at_once or now_s - self._written_s >= self._every_s:
            self._write()
            self._written_s = now_s

    def _write(self) -> None:
        self._writer.emit(self._sums, at_ms=self._added_ms)
        self._sums = Counter()
