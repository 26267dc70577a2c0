"""The diagrams of docs/architecture.md, drawn from the Graphviz sources beside them.

``python -m tests.support.architecture_diagrams`` writes them into docs/images/. Graphviz is the
WebAssembly build from npm, so that every machine draws the same.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from sim.setup.places import find_places
from sim.setup.web import node_command
from tests.support.source_tree import ROOT

FOLDER = ROOT / "docs" / "images"
SOURCES = tuple(sorted(FOLDER.glob("*.dot")))

_DRAW = """
import { readFileSync } from "node:fs";
import { Graphviz } from "@hpcc-js/wasm-graphviz";
const graphviz = await Graphviz.load();
process.stdout.write(graphviz.dot(readFileSync(0, "utf8"), "svg"));
"""


def draw(source: Path) -> str:
    """Draws a Graphviz source as SVG."""
    drawn = subprocess.run(
        [str(node_command(find_places())), "--input-type=module", "--eval", _DRAW],
        cwd=ROOT / "web",  # where the package is
        input=source.read_text(encoding="utf-8"),
        capture_output=True,
        check=True,
        text=True,
    )
    return drawn.stdout


def diagram_of(source: Path) -> Path:
    """Returns the path of the diagram of a source."""
    return source.with_suffix(".svg")


if __name__ == "__main__":
    for one in SOURCES:
        diagram_of(one).write_text(draw(one), encoding="utf-8")
