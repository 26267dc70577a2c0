"""Screenshots are compared with a tolerance, but real differences are detected."""

from __future__ import annotations

from tests.support.reference_screenshots import difference

WHITE, BLACK, GREY = [255, 255, 255, 255], [0, 0, 0, 255], [253, 253, 253, 255]


def test_slight_shades_and_few_pixels_are_no_difference() -> None:
    assert difference(WHITE * 1000, WHITE * 798 + GREY * 200 + BLACK * 2) is None


def test_a_missing_part_of_the_picture_is_a_difference() -> None:
    assert "10.0 %" in str(difference(WHITE * 100, WHITE * 90 + BLACK * 10))


def test_another_size_is_a_difference() -> None:
    assert "another size" in str(difference(WHITE * 100, WHITE * 99))
