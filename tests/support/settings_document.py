"""The tables of docs/settings.md, generated from the settings classes.

``python -m tests.support.settings_document`` writes them into the document.
"""

from __future__ import annotations

import dataclasses
import importlib
import re
import typing

from rtdts.runtime.settings import Setting, declared_settings
from tests.support.source_tree import DEPLOYABLES, ROOT

DOCUMENT = ROOT / "docs" / "settings.md"
SECTIONS = {name: f"{name}.settings" for name in DEPLOYABLES} | {
    "socket_lambda.authorizer": "socket_lambda.authorizer_settings",
    "iot_lambda.enrollment": "iot_lambda.enrollment_settings",
    "sim.local_cloud.socket_gateway": "sim.local_cloud.socket_gateway.settings",
}
"""The document's sections, and the module whose settings class each shows."""
_KINDS = {bool: "yes or no", int: "integer", float: "number", str: "text"}


def settings_of(section: str) -> type:
    """Returns the settings class of a section: of a deployable, or of a part with its own settings.

    Raises:
        ValueError: There is none, or several.
    """
    module = importlib.import_module(SECTIONS[section])
    (found,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and value.__module__ == module.__name__
        and dataclasses.is_dataclass(value)
        and declared_settings(value)
    )
    return found


def settings_table(cls: type) -> str:
    """Returns the Markdown table of one settings class."""
    types = typing.get_type_hints(cls)
    rows = ["| variable | value | default | meaning |", "| --- | --- | --- | --- |"]
    for field, declared in declared_settings(cls):
        value = _value(types[field.name], declared)
        rows.append(f"| `{declared.env}` | {value} | {_default(field)} | {declared.help} |")
    return "\n".join(rows) + "\n"


def write_tables(text: str) -> str:
    """Returns the document with each section's table replaced by the generated one."""
    for section in SECTIONS:
        pattern = rf"(^## `{re.escape(section)}`\n.*?\n)(\|.*?\n)(?=\n|\Z)"
        match = re.search(pattern, text, re.M | re.S)
        if match is None:
            raise ValueError(f"docs/settings.md has no section and table of {section}")
        text = text[: match.start(2)] + settings_table(settings_of(section)) + text[match.end() :]
    return text


def _value(hint: typing.Any, declared: Setting) -> str:
    kinds = [kind for kind in typing.get_args(hint) if kind is not type(None)] or [hint]
    if declared.choices:
        return " or ".join(f"`{choice}`" for choice in declared.choices)
    least, most = declared.minimum, declared.maximum
    limits = {
        (True, True): f", {_number(least)} to {_number(most)}",
        (True, False): f", at least {_number(least)}",
        (False, True): f", at most {_number(most)}",
        (False, False): "",
    }
    return _KINDS[kinds[0]] + limits[least is not None, most is not None]


def _default(field: dataclasses.Field[typing.Any]) -> str:
    if field.default is dataclasses.MISSING:
        return "**required**"
    if field.default is None or field.default == "":
        return "none"
    if isinstance(field.default, bool):
        return "yes" if field.default else "no"
    if isinstance(field.default, int | float):
        return _number(field.default)
    return f"`{field.default}`"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value}".removesuffix(".0")


if __name__ == "__main__":
    DOCUMENT.write_text(write_tables(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
