"""How far the stand-in for Firehose has delivered: a small file that survives kill -9."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path


class PositionFile:
    """The last delivered sequence number of each shard of one stream.

    Args:
        path: The file; not there means that nothing was delivered yet.
        stream: Names the stream and its making: the numbers of a stream that was made anew under
            the same name mean nothing, so another value here starts from the beginning.
    """

    def __init__(self, path: Path, *, stream: str) -> None:
        self._path = path
        self._stream = stream

    def read(self) -> dict[str, str]:
        """Sequence numbers by shard; empty for another stream or a file that is no good."""
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            if kept["stream"] != self._stream:
                return {}
            return {str(shard): str(number) for shard, number in kept["shards"].items()}
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            # At least once: from the beginning again is always allowed.
            return {}

    def write(self, positions: Mapping[str, str]) -> None:
        """Replaces the file whole, and has it on the disk before it returns."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".draft")
        with draft.open("w", encoding="utf-8") as file:
            json.dump({"stream": self._stream, "shards": dict(positions)}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
