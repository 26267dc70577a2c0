from __future__ import annotations

from broadcaster.round_report import METRICS, RoundReport


def test_every_viewer_due_is_in_one_of_the_metrics_and_every_metric_is_told() -> None:
    report = RoundReport(
        started_at_ms=0,
        duration_ms=7,
        skipped=1,
        due=127,
        delivered=1,
        gone=2,
        throttled=4,
        backed_off=8,
        failed=16,
        right_too_old=32,
        unread=64,
    )

    values = report.metrics()

    assert values.keys() == {metric.name for metric in METRICS}
    assert {name: values[name] for name in values if name.startswith("RoundViewers")} == {
        "RoundViewersDue": 127,
        "RoundViewersDelivered": 1,
        "RoundViewersGone": 2,
        "RoundViewersThrottled": 12,
        "RoundViewersFailed": 16,
        "RoundViewersUnread": 96,
    }
    assert values["RoundDuration"] == 7
    assert values["RoundsSkipped"] == 1
