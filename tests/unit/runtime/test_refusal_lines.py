"""Which refusals have a line in the log."""

from __future__ import annotations

from rtdts.runtime.refusal_lines import RefusalLines

NOW_MS = 1_800_000_000_000


def test_a_key_has_a_line_every_ten_seconds() -> None:
    lines = RefusalLines()
    taken = [second for second in range(30) if lines.takes("a", NOW_MS + second * 1_000)]

    assert taken == [0, 10, 20]


def test_keys_share_no_lines() -> None:
    lines = RefusalLines()

    assert [lines.takes(key, NOW_MS) for key in "aab"] == [True, False, True]
