"""Checks the web pages and their client: types, lint, tests, size.

python -m sim.setup.web_check
"""

from __future__ import annotations

import os
import subprocess
import sys

from sim.setup.places import find_places
from sim.setup.web import node_command

CHECKS = (
    ("typescript/bin/tsc", "--noEmit"),
    ("typescript/bin/tsc", "--noEmit", "-p", "client/tsconfig.json"),
    ("@biomejs/biome/bin/biome", "ci", "--colors=off", "--error-on-warnings", "."),
    ("vitest/vitest.mjs", "run", "--reporter=dot"),
)
BUDGET = "budget.mjs"


def _plain() -> dict[str, str]:
    return {} if sys.stdout.isatty() else {"NO_COLOR": "1"}


def main() -> int:
    """Runs the checks; stops at the first failure and returns its exit code."""
    places = find_places()
    node = str(node_command(places))
    environment = {
        **os.environ,
        **_plain(),
        "PATH": f"{os.path.dirname(node)}{os.pathsep}{os.environ['PATH']}",
    }
    for program, *arguments in CHECKS:
        command = [node, str(places.web / "node_modules" / program), *arguments]
        ended = subprocess.run(command, cwd=places.web, env=environment, check=False)
        if ended.returncode != 0:
            return ended.returncode
    budget = subprocess.run([node, BUDGET], cwd=places.web, env=environment, check=False)
    return budget.returncode


if __name__ == "__main__":
    sys.exit(main())
