from __future__ import annotations

import pytest

from rtdts.telemetry_stream.calls import calls_of


@pytest.mark.parametrize(
    ("items", "calls"),
    [
        ([], []),
        ([b"a", b"b", b"c", b"d"], [[b"a", b"b", b"c"], [b"d"]]),
        ([b"aaaa", b"bbbb", b"cc"], [[b"aaaa", b"bbbb"], [b"cc"]]),
        ([b"a", b"b" * 9, b"c"], [[b"a"], [b"b" * 9], [b"c"]]),
    ],
)
def test_calls_keep_order_and_both_limits_unless_one_item_is_larger(
    items: list[bytes], calls: list[list[bytes]]
) -> None:
    assert list(calls_of(items, len, max_items=3, max_bytes=8)) == calls
