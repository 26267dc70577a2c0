"""Positions up to which the stand-in for Firehose has delivered, in a file that survives a kill."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path


class PositionFile:
    """The last delivered sequence number of each shard of one stream.

    Args:
        path: The file; missing when nothing was delivered yet.
        stream: Identifies the stream and its creation. Sequence numbers are invalid for a stream
            that was created again under the same name, so another value restarts from the
            beginning.
    """

    def __init__(self, path: Path, *, stream: str) -> None:
        self._path = path
        self._stream = stream

    def read(self) -> dict[str, str]:
        """Sequence numbers by shard; empty for another stream or a damaged file."""
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            if kept["stream"] != self._stream:
                return {}
            return {str(shard): str(number) for shard, number in kept["shards"].items()}
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            # At-least-once delivery always allows starting from the beginning again.
            return {}

    def write(self, positions: Mapping[str, str]) -> None:
        """Replaces the file atomically; it is on the disk when this returns."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".draft")
        with draft.open("w", encoding="utf-8") as file:
            json.dump({"stream": self._stream, "shards": dict(positions)}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
