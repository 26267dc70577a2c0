"""The bucket of a delivery's viewers: a round is divided into buckets."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

BUCKETS: Final = 256
"""Must never change: it is stored with every subscription and named in every round's messages."""


def delivery_bucket(delivery_id: str) -> int:
    """Returns a delivery's bucket (0 to 255): the first byte of its id's SHA-256."""
    return sha256(delivery_id.encode()).digest()[0]
