"""Structured logs: one JSON object per line on standard error.

Logs never go to standard output, which a KCL child uses for its protocol. An event has a name and
fields; ids are fields, so that one point can be traced from the HTTP request to the socket.
"""

from __future__ import annotations

import json
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO


class Logger:
    """Writes events of one component."""

    def __init__(self, component: str, stream: TextIO | None = None) -> None:
        self._component = component
        self._stream = stream

    def info(self, event: str, **fields: Any) -> None:
        """Logs an expected event."""
        self._write("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Logs a problem that was handled."""
        self._write("warning", event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """Logs a problem that an operator should look at."""
        self._write("error", event, fields)

    def exception(self, event: str, error: BaseException, **fields: Any) -> None:
        """Logs an error with its traceback, in one line."""
        trace = "".join(traceback.format_exception(error))
        self._write("error", event, {**fields, "error": repr(error), "trace": trace})

    def _write(self, level: str, event: str, fields: dict[str, Any]) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {
            # Level and time have the names that Lambda expects in lines of JSON.
            "timestamp": at,
            "level": level,
            "component": self._component,
            "event": event,
            **fields,
        }
        stream = self._stream or sys.stderr
        # One write per line: several processes share a container's standard error.
        stream.write(json.dumps(line, default=str, separators=(",", ":")) + "\n")
        stream.flush()


def get_logger(component: str) -> Logger:
    """Returns a logger that names its component in every line."""
    return Logger(component)
