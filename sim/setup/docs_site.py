"""Renders the documentation into build/site; a warning is an error.

    python -m sim.setup.docs_site

MkDocs and its plugins have an environment of their own, made on first use: the group `docs`.
"""

from __future__ import annotations

import os
import subprocess
import sys

from sim.setup.places import Places, find_places
from sim.setup.python_tools import uv_environment

BUILD = ("mkdocs", "build", "--strict")


def build_command(places: Places) -> list[str]:
    """The command that makes or updates the environment and builds the site with it."""
    options = ["--frozen", "--only-group", "docs", "--project", str(places.project)]
    return [str(places.uv), "run", *options, "--", *BUILD]


def main() -> int:
    """Builds the site; returns the exit code of MkDocs."""
    places = find_places()
    environment = uv_environment(places, places.docs_venv) | {"NO_MKDOCS_2_WARNING": "1"}
    command = build_command(places)
    code = subprocess.run(command, cwd=places.project, env=environment, check=False).returncode
    if code == 0:
        print(f"docs: {os.path.relpath(places.project / 'build' / 'site' / 'index.html')}")
    return code


if __name__ == "__main__":
    sys.exit(main())
