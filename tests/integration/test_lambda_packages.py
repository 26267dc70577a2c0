"""Each Lambda's zip against its import closure, with the real uv and the real lock file."""

import functools
import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from deploy.import_closure import import_closure
from deploy.lambdas import DEPLOYED_PACKAGES, PRODUCTION, Package
from deploy.package import PROJECT, build_packages
from deploy.wheels import BuildTarget, Uv, this_machine
from tests.support.lambda_zips import uv_or_skip

AWS_RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
LAMBDA_UNZIPPED_LIMIT_BYTES = 250 * 1024 * 1024


@pytest.fixture(scope="module")
def uv() -> Uv:
    return uv_or_skip()


@pytest.fixture(scope="module")
def build(uv: Uv, tmp_path_factory: pytest.TempPathFactory):
    out = tmp_path_factory.mktemp("build")

    def build_for(target: BuildTarget, out: Path = out) -> dict[str, Path]:
        return build_packages(target=target, uv=uv, out=out, packages=DEPLOYED_PACKAGES)

    return build_for


@pytest.fixture(scope="module")
def zips(build):
    """Returns the zips for a build target; each target is built once."""
    return functools.cache(lambda target: build(target))


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages of AWS's runtime, and nothing else of this environment."""
    folder = tmp_path_factory.mktemp("runtime")
    for name in AWS_RUNTIME:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    return folder


def third_party_folders(archive: zipfile.ZipFile) -> set[str]:
    tops = {name.partition("/")[0] for name in archive.namelist()}
    return {top for top in tops if not (PROJECT / top).is_dir() and not top.endswith(".dist-info")}


@pytest.mark.parametrize("package", DEPLOYED_PACKAGES, ids=lambda package: package.name)
def test_the_handler_imports_from_the_zip_alone(package: Package, zips, runtime, tmp_path):
    with zipfile.ZipFile(zips(this_machine())[package.name]) as archive:
        archive.extractall(tmp_path)
    program = (
        "import sys, importlib\n"
        f"sys.path += [{str(tmp_path)!r}, {str(runtime)!r}]\n"
        f"handler = importlib.import_module({package.module!r}).{package.function}\n"
        "assert callable(handler)\n"
        "print(*[m.__file__ for m in sys.modules.values() if getattr(m, '__file__', None)],"
        " sep='\\n')\n"
    )

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={},
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stderr
    assert str(PROJECT / "rtdts") not in done.stdout


@pytest.mark.parametrize("package", DEPLOYED_PACKAGES, ids=lambda package: package.name)
def test_each_zip_has_the_import_closure_and_no_other_module(package: Package, zips):
    closure = import_closure(package.module, PROJECT)

    with zipfile.ZipFile(zips(this_machine())[package.name]) as archive:
        held = {name for name in archive.namelist() if (PROJECT / name).is_file()}

    assert held == {path.relative_to(PROJECT).as_posix() for path in closure.modules.values()}


def test_each_zip_has_only_the_third_party_modules_that_it_imports(zips):
    def folders(name: str) -> set[str]:
        with zipfile.ZipFile(zips(PRODUCTION)[name]) as archive:
            return third_party_folders(archive)

    assert folders("ingest") == {"msgspec"}
    assert folders("delivery") == {"msgspec"}
    assert folders("socket") == {"msgspec"}
    assert {"jwt", "cryptography"} <= folders("socket-authorizer")
    for package in DEPLOYED_PACKAGES:
        assert not {"boto3", "botocore", "sim", "tests"} & folders(package.name)


def test_production_zips_have_wheels_for_their_own_platform(zips):
    with zipfile.ZipFile(zips(PRODUCTION)["ingest"]) as archive:
        compiled = [name for name in archive.namelist() if name.endswith(".so")]

    assert compiled
    assert all("cpython-313-aarch64" in name for name in compiled)


def test_every_zip_fits_into_a_lambda(zips):
    for path in zips(PRODUCTION).values():
        with zipfile.ZipFile(path) as archive:
            unpacked_bytes = sum(entry.file_size for entry in archive.infolist())

        assert unpacked_bytes < LAMBDA_UNZIPPED_LIMIT_BYTES


def test_building_twice_gives_the_same_bytes(build, tmp_path):
    first = {name: path.read_bytes() for name, path in build(PRODUCTION).items()}

    again = {name: path.read_bytes() for name, path in build(PRODUCTION, tmp_path).items()}

    assert again == first


def test_an_unchanged_package_is_not_built_again(build):
    before = {name: path.stat().st_mtime_ns for name, path in build(PRODUCTION).items()}

    after = {name: path.stat().st_mtime_ns for name, path in build(PRODUCTION).items()}

    assert after == before
