"""The bucket of a delivery's subscriptions."""

from __future__ import annotations

from rtdts.tracking.delivery_buckets import BUCKETS, delivery_bucket


def test_buckets_never_change() -> None:
    """They are stored with every subscription: these values must never change."""
    assert [delivery_bucket(each) for each in ("D-1", "D-2", "D-3")] == [118, 94, 107]


def test_every_bucket_has_its_deliveries() -> None:
    assert {delivery_bucket(f"D-{number}") for number in range(10_000)} == set(range(BUCKETS))
