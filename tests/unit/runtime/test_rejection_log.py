"""Which rejections are logged."""

from __future__ import annotations

from rtdts.runtime.rejection_log import RejectionLogLimiter

NOW_MS = 1_800_000_000_000


def test_a_key_may_log_one_line_every_ten_seconds() -> None:
    lines = RejectionLogLimiter()
    allowed = [second for second in range(30) if lines.allows("a", NOW_MS + second * 1_000)]

    assert allowed == [0, 10, 20]


def test_each_key_has_its_own_log_limit() -> None:
    lines = RejectionLogLimiter()

    assert [lines.allows(key, NOW_MS) for key in "aab"] == [True, False, True]
