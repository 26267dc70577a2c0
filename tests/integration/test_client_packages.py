"""Both clients can be published: their packages are complete, and contain nothing else."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from sim.setup.places import find_places
from tests.support.client_package import unpacked
from tests.support.source_tree import ROOT

pytestmark = pytest.mark.real


def test_the_typescript_client_is_packed_with_its_types(tmp_path: Path) -> None:
    package = unpacked(tmp_path)

    described = json.loads((package / "package.json").read_text(encoding="utf-8"))
    entry = described["exports"]["."]
    assert (package / entry["default"]).exists()
    assert (package / entry["types"]).exists()
    assert "dependencies" not in described
    names = {path.relative_to(package).parts[0] for path in package.rglob("*") if path.is_file()}
    assert names == {"README.md", "dist", "package.json"}


def test_the_python_client_is_built_with_its_type_marker(tmp_path: Path) -> None:
    uv = find_places().uv
    built = subprocess.run(
        [uv, "build", "--wheel", "--out-dir", tmp_path, ROOT / "rtdts_client"],
        check=False,
        capture_output=True,
        text=True,
    )

    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    modules = {f"rtdts_client/{path.name}" for path in (ROOT / "rtdts_client").glob("*.py")}
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == modules | {"rtdts_client/py.typed"}
