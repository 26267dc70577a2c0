"""Reads from a configuration's sources which attributes it sets on each resource.

A state with mocked providers also holds values that the mocks made up. Only values from the sources
are checked against what AWS accepts. This reads by the indentation of Terraform's formatter.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from pathlib import Path
from typing import Final

_BLOCK: Final = r"^{kind} {{$(.*?)^}}"
_NAMED: Final = re.compile(r'(\w+)"?\s*=[^=>]|^\s*(\w+) \{|dynamic "(\w+)"', re.M)
_OUTERMOST: Final = re.compile(r'^  (?:(\w+)\s*=[^=]|(\w+) \{|dynamic "(\w+)")', re.M)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Written:
    """The attributes that a resource's block names.

    Attributes:
        outermost: Attributes and blocks of the resource itself.
        anywhere: These, and the attributes of its blocks.
    """

    outermost: frozenset[str]
    anywhere: frozenset[str]


@functools.cache
def written(root: Path, address: str) -> Written:
    """What the configuration sets on a resource.

    Args:
        root: The folder of the configuration that is applied.
        address: The resource's address in the state.

    Raises:
        LookupError: The sources have no such block.
    """
    *calls, kind, name = re.sub(r"\[[^\]]*\]", "", address).split(".")
    folder = root
    for module in calls[1::2]:
        source = re.search(r'source\s*=\s*"([^"]+)"', _block(folder, f'module "{module}"'))
        if source is None:
            raise LookupError(f"module {module} of {folder} has no source")
        folder = (folder / source[1]).resolve()
    block = _block(folder, f'resource "{kind}" "{name}"')
    return Written(outermost=_names(_OUTERMOST, block), anywhere=_names(_NAMED, block))


def _names(pattern: re.Pattern[str], block: str) -> frozenset[str]:
    return frozenset(name for found in pattern.findall(block) for name in found if name)


def _block(folder: Path, head: str) -> str:
    found = re.search(_BLOCK.format(kind=re.escape(head)), _text(folder), re.S | re.M)
    if found is None:
        raise LookupError(f"{folder} has no {head}")
    return found[1]


@functools.cache
def _text(folder: Path) -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.tf")))
