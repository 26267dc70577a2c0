import io
import json

import pytest

from rtdts.runtime.backoff import backoff_s
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import Logger
from rtdts.runtime.metrics import Metric, MetricWriter


def test_backoff_doubles_up_to_its_ceiling():
    waits = backoff_s(first_s=1, max_s=5, uniform=lambda low, high: high)

    assert [next(waits) for _ in range(5)] == [1, 2, 4, 5, 5]


def test_deadline_counts_down_and_stays_at_zero():
    now = [100.0]
    deadline = Deadline(10, clock=lambda: now[0])
    now[0] = 104.0

    assert deadline.remaining_s == 6.0
    assert not deadline.passed

    now[0] = 200.0

    assert deadline.remaining_s == 0.0
    assert deadline.passed


def test_a_log_line_is_one_json_object_with_its_trace():
    out = io.StringIO()
    log = Logger("part", stream=out)
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        log.exception("failed", error, truck_id="T-1")

    (line,) = out.getvalue().splitlines()
    assert json.loads(line)["truck_id"] == "T-1"
    assert "two\nlines" in json.loads(line)["trace"]


def test_metrics_are_in_embedded_metric_format_and_must_be_declared():
    out = io.StringIO()
    writer = MetricWriter("part", [Metric("points", "Count")], stream=out, now_ms=lambda: 7)
    writer.emit({"points": 3})

    line = json.loads(out.getvalue())
    assert line["points"] == 3
    assert line["_aws"]["CloudWatchMetrics"][0]["Metrics"] == [{"Name": "points", "Unit": "Count"}]
    with pytest.raises(KeyError):
        writer.emit({"undeclared": 1})
