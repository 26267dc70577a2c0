"""What only a separate interpreter shows: its standard streams, exit code and imports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.consumer_settings import REQUIRED
from tests.support.source_tree import ROOT


def test_the_consumers_standard_output_has_only_the_kcls_protocol(tmp_path: Path) -> None:
    program = (
        "import os, sys, consumer.__main__ as m\n"
        "protocol = m._take_standard_output()\n"
        "print('from print')\n"
        "os.write(1, b'from a library in C')\n"
        "sys.stdout.flush()\n"
        "protocol.write('protocol'); protocol.flush()\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout == "protocol"
    assert "from print" in done.stderr
    assert "from a library in C" in done.stderr


@pytest.mark.parametrize("module", ["consumer", "consumer.daemon"])
def test_without_its_settings_the_consumer_exits_and_reports_all_that_are_missing(
    module: str,
) -> None:
    environment = {"PATH": os.environ["PATH"]}

    done = subprocess.run(
        [sys.executable, "-m", module], cwd=ROOT, env=environment, capture_output=True, text=True
    )

    assert done.returncode == 2
    assert done.stdout == ""
    assert all(name in done.stderr for name in REQUIRED)


def test_a_missing_java_is_reported_with_its_path(tmp_path: Path) -> None:
    environment = {
        **REQUIRED,
        "PATH": os.environ["PATH"],
        "JAVA": "/no/such/java",
        "KCL_WORK_FOLDER": str(tmp_path),
    }

    done = subprocess.run(
        [sys.executable, "-m", "consumer.daemon"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 2
    assert "/no/such/java" in done.stderr


def test_the_sdk_client_of_ingest_does_not_retry_and_has_short_timeouts() -> None:
    probe = (
        "from ingest_lambda.bootstrap import kinesis_client\n"
        "from ingest_lambda.settings import Settings\n"
        "settings = Settings(stream_name='points', blocked_identities_table='blocked',"
        " device_credentials_table='devices')\n"
        "config = kinesis_client(settings).meta.config\n"
        "print(config.retries, config.connect_timeout, config.read_timeout)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe],
        env={"AWS_DEFAULT_REGION": "ap-northeast-2"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "'total_max_attempts': 1" in done.stdout
    assert done.stdout.endswith("1.0 4.0\n")


def test_importing_the_handler_of_ingest_does_not_import_the_sdk() -> None:
    """Importing the SDK takes several times as long as all the rest: it waits until needed."""
    probe = "import sys, ingest_lambda.handler; print('botocore.session' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True)

    assert done.stdout == "False\n", done.stderr


def test_the_help_of_the_set_up_starts_no_set_up() -> None:
    requested = [sys.executable, "-m", "sim.setup", "--help"]
    response = subprocess.run(requested, cwd=ROOT, capture_output=True, text=True, check=True)

    assert "RTDTS_CACHE" in response.stdout
    assert "set-up:" not in response.stdout + response.stderr, "it did not work"
