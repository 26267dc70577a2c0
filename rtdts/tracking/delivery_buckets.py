"""Which bucket a delivery's viewers live in: the parts into which a round is divided."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

BUCKETS: Final = 256
"""Fixed for ever: it is stored with every subscription and named in every round's messages."""


def delivery_bucket(delivery_id: str) -> int:
    """The bucket (0 to 255) of a delivery: the first byte of its id's SHA-256."""
    return sha256(delivery_id.encode()).digest()[0]
