"""Pictures are compared loosely, but not blindly."""

from __future__ import annotations

from tests.support.reference_screenshots import difference

WHITE, BLACK, GREY = [255, 255, 255, 255], [0, 0, 0, 255], [253, 253, 253, 255]


def test_a_hair_more_or_less_is_no_difference() -> None:
    assert difference(WHITE * 1000, WHITE * 798 + GREY * 200 + BLACK * 2) is None


def test_a_part_that_is_missing_is_one() -> None:
    assert "10.0 %" in str(difference(WHITE * 100, WHITE * 90 + BLACK * 10))


def test_another_size_is_one() -> None:
    assert "another size" in str(difference(WHITE * 100, WHITE * 99))
