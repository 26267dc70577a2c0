import os
import zipfile

from deploy.archive import write_archive

FILES = {"b/two.py": b"2", "a.py": b"1" * 1000, "b/__init__.py": b""}


def test_the_same_files_give_the_same_bytes(tmp_path):
    first, second = tmp_path / "1.zip", tmp_path / "later" / "2.zip"

    write_archive(first, FILES)
    os.utime(first, (0, 0))
    write_archive(second, dict(reversed(FILES.items())))

    assert first.read_bytes() == second.read_bytes()


def test_holds_the_files_readable_by_all_users(tmp_path):
    path = tmp_path / "x.zip"

    write_archive(path, FILES)

    with zipfile.ZipFile(path) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == FILES
        assert {entry.external_attr >> 16 & 0o777 for entry in archive.infolist()} == {0o644}


def test_leaves_no_draft_behind(tmp_path):
    write_archive(tmp_path / "x.zip", FILES)

    assert [entry.name for entry in tmp_path.iterdir()] == ["x.zip"]
