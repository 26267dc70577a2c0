"""Events as API Gateway sends them, and variations of them."""

from __future__ import annotations

import functools
import json
from typing import Any

from tests.support.source_tree import ROOT


def aws_event(name: str) -> dict[str, Any]:
    """Returns a new copy of an event in tests/events."""
    event: dict[str, Any] = json.loads(_text(name))
    return event


@functools.cache
def _text(name: str) -> str:
    return (ROOT / "tests" / "events" / f"{name}.json").read_text()


def called_by(event: dict[str, Any], role: str, identity: str) -> dict[str, Any]:
    """An HTTP event with another caller."""
    claims = event["requestContext"]["authorizer"]["jwt"]["claims"]
    claims |= {"role": role, "sub": identity}
    return event


def with_body(event: dict[str, Any], body: Any) -> dict[str, Any]:
    """An event with another body."""
    event["body"] = body if isinstance(body, str) else json.dumps(body)
    return event
