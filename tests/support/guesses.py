"""Secrets that no phone has, as an attacker would try them."""

from __future__ import annotations

import random

from rtdts.delivery_store.devices import SECRET_LENGTH


def guessed_secret() -> str:
    """Returns another one each time, in a fraction of the time that a real one takes."""
    return "".join(random.choices("0123456789abcdef", k=SECRET_LENGTH))
