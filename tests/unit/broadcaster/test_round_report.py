from __future__ import annotations

from broadcaster.round_report import METRICS, RoundReport, sum_of


def test_every_viewer_due_is_in_one_of_the_metrics_and_every_metric_is_reported() -> None:
    report = RoundReport(
        due_at_ms=0,
        started_at_ms=0,
        duration_ms=7,
        skipped=1,
        due=127 + 2_944,
        delivered=1,
        gone=2,
        throttled=4,
        backed_off=8,
        failed=16,
        right_too_old=32,
        unread=64,
        over_quota=128,
        hung=256,
        quarantined=2_560,
    )

    values = report.metrics()

    assert values.keys() == {metric.name for metric in METRICS}
    assert {name: values[name] for name in values if name.startswith("RoundViewers")} == {
        "RoundViewersDue": 127 + 2_944,
        "RoundViewersDelivered": 1,
        "RoundViewersGone": 2,
        "RoundViewersThrottled": 140,
        "RoundViewersHanging": 2_816,
        "RoundViewersFailed": 16,
        "RoundViewersUnread": 96,
    }
    assert values["RoundDuration"] == 7
    assert values["RoundsSkipped"] == 1


def test_the_parts_of_a_round_add_up() -> None:
    parts = [
        RoundReport(
            due_at_ms=0, started_at_ms=1, duration_ms=5, buckets=10, due=3, delivered=2, gone=1
        ),
        RoundReport(
            due_at_ms=0, started_at_ms=2, duration_ms=9, buckets=6, due=4, delivered=4, deliveries=2
        ),
    ]

    whole = sum_of(parts, due_at_ms=0, started_at_ms=1, duration_ms=10, skipped=1)

    assert whole == RoundReport(
        due_at_ms=0,
        started_at_ms=1,
        duration_ms=10,
        skipped=1,
        buckets=16,
        due=7,
        delivered=6,
        gone=1,
        deliveries=2,
    )
