"""The configuration and the command of the consumer's daemon."""

from __future__ import annotations

from pathlib import Path

import pytest

from consumer.daemon_halt import MAIN_CLASS
from consumer.kcl_configuration import command, properties, properties_file
from consumer.settings import Settings
from rtdts.runtime.settings import SettingsError, read_settings
from tests.support.consumer_settings import REQUIRED


def settings(**more: str) -> Settings:
    return read_settings(Settings, {**REQUIRED, **more})


def test_the_defaults_are_those_of_production() -> None:
    reported = properties(settings())

    assert reported["failoverTimeMillis"] == "10000"
    assert reported["metricsLevel"] == "SUMMARY"
    assert "workerId" not in reported
    assert "leaseAssignmentIntervalMillis" not in reported


def test_fan_out_is_configured_without_polling_properties() -> None:
    reported = properties(settings(KCL_RETRIEVAL_MODE="FANOUT"))

    assert reported["retrievalMode"] == "FANOUT"
    assert not {"idleTimeBetweenReadsInMillis", "maxRecords"} & reported.keys()


def test_the_childs_command_is_found_on_path_since_the_kcl_splits_it_at_spaces() -> None:
    assert properties(settings())["executableName"] == "python -m consumer"


def test_properties_are_escaped_as_java_reads_them() -> None:
    assert properties_file({"a": "b\\c"}) == "a = b\\\\c\n"


def test_the_command_is_the_kcls_own_main_class() -> None:
    line = command(
        settings(JAVA="/java", KCL_CBOR="false"),
        jars=Path("/jars"),
        properties_path=Path("/p"),
        logback_path=Path("/l"),
    )

    assert line[0] == "/java"
    assert MAIN_CLASS in line
    assert "-Daws.cborEnabled=false" in line


def test_bad_settings_are_reported_all_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        settings(DWELL_S="-1", KCL_IDLE_MS="fast", OPENSEARCH_AUTH="basic")

    assert len(caught.value.problems) == 3
