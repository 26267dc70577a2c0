from pathlib import Path

import pytest

from deploy.import_closure import ImportClosureError, import_closure


@pytest.fixture
def tree(tmp_path: Path):
    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def closure_names(root: Path, entry: str = "app.main") -> list[str]:
    return list(import_closure(entry, root).modules)


def test_the_closure_has_imported_modules_and_their_packages_and_nothing_else(tree):
    root = tree(
        {
            "app/__init__": "",
            "app/main": "import json\nfrom library.deep import used\n",
            "app/unused": "",
            "library/__init__": "",
            "library/deep/__init__": "",
            "library/deep/used": "import library.other",
            "library/deep/unused": "",
            "library/other": "",
        }
    )

    assert closure_names(root) == [
        "app",
        "app.main",
        "library",
        "library.deep",
        "library.deep.used",
        "library.other",
    ]


def test_imports_in_the_init_file_of_a_package_count(tree):
    root = tree({"app/main": "import app.helper", "app/__init__": "import extra", "app/helper": ""})

    assert import_closure("app.main", root).third_party == {"extra"}


@pytest.mark.parametrize(
    "line", ["from . import other", "from .other import name", "from ..app import other"]
)
def test_follows_relative_imports(tree, line):
    files = {"top/__init__": "", "top/app/__init__": "", "top/app/main": line, "top/app/other": ""}

    assert "top.app.other" in closure_names(tree(files), "top.app.main")


def test_imports_inside_functions_and_branches_count(tree):
    text = "def f():\n  try:\n    import app.late\n  except ImportError:\n    import slow\n"
    root = tree({"app/__init__": "", "app/main": text, "app/late": ""})

    closure = import_closure("app.main", root)

    assert "app.late" in closure.modules
    assert closure.third_party == {"slow"}


@pytest.mark.parametrize("test", ["TYPE_CHECKING", "typing.TYPE_CHECKING"])
def test_imports_for_type_checkers_do_not_count(tree, test):
    text = f"import typing\nif {test}:\n    import stubs\nelse:\n    import real\n"
    root = tree({"app/__init__": "", "app/main": text})

    assert import_closure("app.main", root).third_party == {"real"}


def test_circular_imports_are_followed_once(tree):
    root = tree({"app/__init__": "", "app/main": "import app.b", "app/b": "import app.main"})

    assert closure_names(root) == ["app", "app.b", "app.main"]


def test_third_party_packages_are_separated_from_the_standard_library(tree):
    root = tree({"app/__init__": "", "app/main": "import os.path, msgspec.json, email.message\n"})

    assert import_closure("app.main", root).third_party == {"msgspec"}


def test_an_import_of_a_missing_module_is_an_error(tree):
    root = tree({"app/__init__": "", "app/main": "import app.gone"})

    with pytest.raises(ImportClosureError, match=r"app\.gone"):
        import_closure("app.main", root)
