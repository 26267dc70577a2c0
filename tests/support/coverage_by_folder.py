"""Prints the unit tests' statement coverage of each top-level folder.

    python -m tests.support.coverage_by_folder

It reads what ``make coverage`` measured.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.source_tree import ROOT

REPORT = ROOT / "build" / "coverage" / "report.json"


def table(files: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The lines of the table, from the files of coverage's JSON report."""
    statements: Counter[str] = Counter()
    covered: Counter[str] = Counter()
    for name, of_file in files.items():
        for folder in (Path(name).parts[0], "all"):
            statements[folder] += of_file["summary"]["num_statements"]
            covered[folder] += of_file["summary"]["covered_lines"]
    width = max(map(len, statements))
    lines = [f"{'folder':{width}}  statements  covered"]
    for folder in [*sorted(statements - Counter({"all": statements["all"]})), "all"]:
        share = 100 * covered[folder] / max(1, statements[folder])
        lines.append(f"{folder:{width}}  {statements[folder]:10,}  {share:6.1f}%")
    return lines


def main() -> int:
    """Writes coverage's report and prints the table."""
    command = [sys.executable, "-m", "coverage", "json", "--quiet", "-o", str(REPORT)]
    subprocess.run(command, cwd=ROOT, check=True)
    for line in table(json.loads(REPORT.read_text())["files"]):
        print(line)  # noqa: T201 - a table for a person
    return 0


if __name__ == "__main__":
    sys.exit(main())
