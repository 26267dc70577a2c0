"""The local cloud's own ministack, corrected, for integration tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ministack_process import required_ministack, running_ministack
from tests.support.source_tree import ROOT

CORRECTED = ROOT / "sim" / "local_cloud" / "ministack_corrected.py"


@contextmanager
def corrected_ministack(folder: Path) -> Iterator[str]:
    """Runs ministack as the local cloud does; yields its URL, or skips if it is not installed."""
    program = required_ministack()
    # A program without arguments, as `running_ministack` needs it.
    launcher = folder / "ministack-corrected"
    launcher.write_text(
        f"#!{program.with_name('python')}\n"
        f"import runpy\nrunpy.run_path({str(CORRECTED)!r}, run_name='__main__')\n"
    )
    launcher.chmod(0o755)
    with running_ministack(folder, launcher) as url:
        yield url
