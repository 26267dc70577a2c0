"""Names and contents of the objects that Firehose writes, as `backup_format` reads them."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from datetime import datetime


def object_name(folder: str, stream: str, at: datetime, unique: str) -> str:
    """Returns the key under which Firehose stores an object.

    Args:
        folder: `POINTS_FOLDER` or `FAILED_FOLDER`.
        stream: The delivery stream's name.
        at: When its oldest record arrived, in UTC.
        unique: The UUID that Firehose generates.
    """
    return f"{folder}{at:%Y/%m/%d/%H}/{stream}-1-{at:%Y-%m-%d-%H-%M-%S}-{unique}.gz"


def join_records(records: Iterable[bytes]) -> bytes:
    """Joins records into an object, as Firehose does."""
    return gzip.compress(b"".join(records), mtime=0)
