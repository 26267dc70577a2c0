"""``python3 -m sim.setup``: the set-up of a machine that has only Python so far.

Pythons that are too old for the rest must be able to parse this file, so that it can report it.
"""

import argparse
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the check is for those that pyproject.toml excludes
    sys.exit(
        "set-up: Python 3.11 or later is needed and {} is {}.{}.\n"
        "  Install a newer one and name it: make setup PYTHON=python3.12".format(
            sys.executable, *sys.version_info[:2]
        )
    )

from sim.setup.steps import main

argparse.ArgumentParser(
    prog="python3 -m sim.setup",
    description="Downloads and builds whatever is missing: virtual environments, OpenSearch's "
    "jars and launcher. What clones can share is kept in $RTDTS_CACHE (default: "
    "~/.cache/rtdts).",
).parse_args()
sys.exit(main())
