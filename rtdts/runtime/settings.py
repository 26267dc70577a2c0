"""Settings from the environment: typed, frozen, all problems reported at once.

A deployable declares a frozen dataclass whose fields are made with `setting`; its bootstrap calls
`read_settings` once, before anything connects:

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Settings:
        stream_name: str = setting("STREAM_NAME", help="the Kinesis stream that points go to")
        max_points: int = setting("MAX_POINTS", default=500, minimum=1, help="points per request")

The documentation, docs/settings.md, is checked against the same declarations.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

_KEY = "rtdts.setting"
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}

T = TypeVar("T")


class SettingsError(Exception):
    """The environment is invalid; the message names every problem, one per line.

    Attributes:
        problems: One sentence per problem.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("settings that can't be used:\n" + "\n".join(f"  {p}" for p in problems))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """The declaration of one setting."""

    env: str
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()


def setting(
    env: str,
    *,
    help: str,  # noqa: A002 - the word that argparse and click use for this
    default: Any = dataclasses.MISSING,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Sequence[str] = (),
) -> Any:
    """Declares a field that is read from the environment variable `env`.

    Args:
        env: Name of the variable.
        help: What it is for, with its unit; it appears in docs/settings.md.
        default: Used when the variable is absent or empty; without one it is required.
        minimum: Lowest number accepted, inclusive.
        maximum: Highest number accepted, inclusive.
        choices: The only texts accepted, if given.
    """
    declared = Setting(env=env, help=help, minimum=minimum, maximum=maximum, choices=tuple(choices))
    return dataclasses.field(default=default, metadata={_KEY: declared})


def declared_settings(cls: type) -> list[tuple[dataclasses.Field[Any], Setting]]:
    """Returns the fields of a settings class with their declarations, in order."""
    return [
        (field, field.metadata[_KEY]) for field in dataclasses.fields(cls) if _KEY in field.metadata
    ]


def read_settings(cls: type[T], environ: Mapping[str, str]) -> T:
    """Reads a settings class from an environment.

    Field types may be str, int, float or bool, or one of these with ``| None``.

    Args:
        cls: A frozen dataclass whose fields are declared with `setting`.
        environ: Usually ``os.environ``; only a bootstrap may pass that.

    Raises:
        SettingsError: Something is missing or wrong; it names everything at once.
    """
    types = typing.get_type_hints(cls)
    problems: list[str] = []
    values: dict[str, Any] = {}
    for field, declared in declared_settings(cls):
        text = environ.get(declared.env, "").strip()
        if not text:
            if field.default is dataclasses.MISSING:
                problems.append(f"{declared.env} is required: {declared.help}")
            continue
        try:
            values[field.name] = _parse(text, types[field.name], declared)
        except ValueError as error:
            problems.append(f"{declared.env}={text!r}: {error}")
    if problems:
        raise SettingsError(problems)
    return cls(**values)


def _parse(text: str, expected: Any, declared: Setting) -> Any:
    kinds = [kind for kind in typing.get_args(expected) if kind is not type(None)]
    kind = kinds[0] if kinds else expected
    if kind is bool:
        lowered = text.lower()
        if lowered in _TRUE:
            return True
        if lowered in _FALSE:
            return False
        raise ValueError("must be true or false")
    if kind is str:
        if declared.choices and text not in declared.choices:
            raise ValueError(f"must be one of {', '.join(declared.choices)}")
        return text
    try:
        number = int(text) if kind is int else float(text)
    except ValueError:
        raise ValueError("must be an integer" if kind is int else "must be a number") from None
    if not math.isfinite(number):
        raise ValueError("must be a finite number")
    if declared.minimum is not None and number < declared.minimum:
        raise ValueError(f"must be at least {declared.minimum:g}")
    if declared.maximum is not None and number > declared.maximum:
        raise ValueError(f"must be at most {declared.maximum:g}")
    return number
