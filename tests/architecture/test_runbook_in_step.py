"""The runbook's table of logged errors has exactly the events that the code logs as errors."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.support.source_tree import PRODUCTION, ROOT, python_files, syntax_of

RUNBOOK = ROOT / "docs" / "alarms.md"
ERROR_CALLS = {"error", "exception"}
"""The logger's methods that write the level `error`."""
PASSED_ON = {"failed", "malformed"}
"""Parameters and attributes of classes whose value is logged by the function or the base class."""
SERVICES = {"broadcaster_failed", "mqtt_bridge_failed"}
"""What `run_service` logs: the component's name is a part of the event."""


def test_every_event_of_level_error_is_in_the_runbooks_table() -> None:
    _, _, rest = RUNBOOK.read_text("utf-8").partition("### errors-logged\n")
    table = re.findall(r"^\| (.+?) \| ", rest.partition("\n### ")[0], re.MULTILINE)
    listed = {
        event for events in table for event in re.findall(r"(?<!of )(?<!warning )`(\w+)`", events)
    }

    assert listed == SERVICES.union(*map(_events_of, _nodes()))


def _nodes() -> Iterator[ast.AST]:
    for path in python_files(*PRODUCTION):
        yield from ast.walk(syntax_of(path))


def _events_of(node: ast.AST) -> set[str]:
    match node:
        case ast.Call():
            named = _logged_by(node)
        case ast.Assign(targets=[ast.Name(id=name)]) if name in PASSED_ON:
            named = [node.value]
        case _:
            named = []
    return {
        one.value for one in named if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }


def _logged_by(call: ast.Call) -> list[ast.expr]:
    function = ast.unparse(call.func)
    receiver, _, method = function.rpartition(".")
    is_logger = receiver.endswith("log") or receiver.startswith("get_logger(")
    is_logged = method == "_die" or (method in ERROR_CALLS and is_logger)
    named = [call.args[0]] if is_logged and call.args else []
    return named + [keyword.value for keyword in call.keywords if keyword.arg in PASSED_ON]
