"""Phones' credentials from the operator's keyboard to what the phone receives."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

import ingest_lambda.routes
from operations.__main__ import main
from operations.devices import (
    OWNTRACKS_PATH,
    TRACCAR_CLIENT_PATH,
    DeviceAdmin,
    owntracks_link,
    owntracks_over_http,
    owntracks_over_mqtt,
    traccar_client_link,
)
from rtdts.delivery_store.devices import Device, is_secret
from rtdts.tracking.instants import MS_PER_DAY, format_instant
from tests.fakes.fake_devices import FakeDeviceStore
from tests.fakes.fake_enrollments import FakeEnrollmentStore
from tests.support.mqtt_topics import owntracks_topic

NOW_MS = 1_795_503_168_120
URL = "https://trucks.example.com"


class Shell:
    """Runs commands, and returns their exit codes and outputs."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.devices = FakeDeviceStore()
        self.enrollments = FakeEnrollmentStore()
        self.server_url = URL
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str]:
        code = main(["device", *arguments], {}, build_device_admin=self._device_admin)
        return code, self._capsys.readouterr().out.strip()

    def _device_admin(self, _environ: Mapping[str, str]) -> DeviceAdmin:
        return DeviceAdmin(
            devices=self.devices,
            enrollments=self.enrollments,
            server_url=self.server_url,
            now_ms=lambda: NOW_MS,
        )


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def test_adding_shows_what_to_scan_and_what_to_type(shell: Shell) -> None:
    code, output = shell("add", "T-1", "--name", "Kim's phone")
    (device,) = shell.devices.list_devices("T-1")
    typed = dict(line.strip().rsplit(" ", 1) for line in output.splitlines() if " " in line.strip())
    secret = typed["Password"]

    assert code == 0
    assert is_secret(secret)
    assert shell.devices.find(secret) == device
    assert (device.name, device.added_at_ms) == ("Kim's phone", NOW_MS)
    assert typed["Device identifier"] == secret
    assert typed["User ID"] == "T-1"
    assert typed["URL"] == f"{URL}/phones/owntracks"
    assert typed["or type: Server URL"] == f"{URL}/phones/traccar-client"
    assert output.count("▀") > 500
    assert output.endswith(f"device revoke T-1 --device {device.device_id}")


def test_the_paths_are_the_open_routes() -> None:
    assert {("POST", OWNTRACKS_PATH), ("POST", TRACCAR_CLIENT_PATH)} == set(
        ingest_lambda.routes.OPEN_ROUTES
    )


def test_owntracks_is_configured_by_a_link_that_no_server_sees() -> None:
    setup = owntracks_over_http(f"{URL}/phones/owntracks", "T-1", "s3cret")
    link = urlsplit(owntracks_link(setup))
    inline = unquote(link.query.removeprefix("inline="))
    configuration = json.loads(base64.b64decode(inline))

    assert (link.scheme, link.netloc, link.path) == ("owntracks", "", "/config")
    assert configuration["_type"] == "configuration"
    assert configuration["mode"] == 3
    assert configuration["url"] == f"{URL}/phones/owntracks"
    assert (configuration["username"], configuration["password"]) == ("T-1", "s3cret")


def test_owntracks_over_mqtt_is_configured_as_a_broker_allows_it() -> None:
    device = Device(device_id="4f0c2a9b7d1e8856", truck_id="T-1", name="", added_at_ms=0)
    setup = owntracks_over_mqtt("mqtts://mqtt.example.com", device, "s3cret")
    plain = owntracks_over_mqtt("mqtt://127.0.0.1:1885", device, "s3cret")

    assert (setup["mode"], setup["username"], setup["password"]) == (0, "T-1", "s3cret")
    assert (setup["host"], setup["port"], setup["tls"]) == ("mqtt.example.com", 8883, True)
    assert (plain["host"], plain["port"], plain["tls"]) == ("127.0.0.1", 1885, False)
    topic = setup["pubTopicBase"].replace("%u", "T-1").replace("%d", setup["deviceId"])
    assert topic == owntracks_topic("T-1", device.device_id)
    assert setup["clientId"].startswith("T-1/")


def test_adding_a_phone_for_mqtt_shows_its_mqtt_settings(shell: Shell) -> None:
    code, output = shell("add", "T-1", "--mqtt-url", "mqtts://mqtt.example.com:8883")
    (device,) = shell.devices.list_devices("T-1")

    assert code == 0
    lines = [line.strip() for line in output.splitlines()]
    for line in (
        "or type: Mode MQTT",
        "Host mqtt.example.com",
        "Port 8883",
        f"Device ID {device.device_id}",
        f"Client ID T-1/{device.device_id}",
        "mqttProtocolLevel 4",
    ):
        assert line in lines
    assert f"{URL}/phones/owntracks" not in output


@pytest.mark.parametrize("url", ["mqtt.example.com", "https://x", "mqtts://", "mqtt://x:port"])
def test_an_invalid_broker_url_is_rejected_before_anything_is_added(shell: Shell, url: str) -> None:
    code, output = shell("add", "T-1", "--mqtt-url", url)

    assert (code, shell.devices.list_devices()) == (1, [])
    assert output.startswith("refused: ")


def test_traccar_client_is_configured_by_a_link_that_no_server_sees() -> None:
    link = urlsplit(traccar_client_link(f"{URL}/phones/traccar-client", "s3cret"))
    values = parse_qs(link.query)

    assert link.scheme == "org.traccar.client"
    assert values["url"] == [f"{URL}/phones/traccar-client"]
    assert values["id"] == ["s3cret"]


def test_adding_needs_a_url_from_the_settings_or_the_command_line(shell: Shell) -> None:
    shell.server_url = ""
    rejected, output = shell("add", "T-1")
    no_one = shell.devices.list_devices()
    added, shown = shell("add", "T-1", "--url", "http://127.0.0.1:4566/")

    assert (rejected, no_one) == (1, [])
    assert output.startswith("refused: give the URL")
    assert added == 0
    assert "http://127.0.0.1:4566/phones/owntracks" in shown


def test_devices_are_listed_by_truck_and_never_with_a_secret(shell: Shell) -> None:
    assert shell("list") == (0, "there are no devices")

    secrets = [shell.devices.add(truck, name="x", now_ms=NOW_MS)[1] for truck in ("T-2", "T-1")]
    code, output = shell("list")
    _, of_one = shell("list", "T-2")

    assert code == 0
    assert ["T-1" in line for line in output.splitlines()] == [True, False]
    assert of_one == output.splitlines()[1]
    assert "added 2026-11-24T06:52:48.120Z" in of_one
    assert not [secret for secret in secrets if secret in output]


def test_a_trucks_devices_are_revoked_together_or_individually(shell: Shell) -> None:
    first, second, _ = (
        shell.devices.add(truck, name="", now_ms=NOW_MS)[0] for truck in ("T-1", "T-1", "T-2")
    )
    one = shell("revoke", "T-1", "--device", first.device_id)
    none = shell("revoke", "T-1", "--device", first.device_id)
    rest = shell("revoke", "T-1")

    assert one[0] == rest[0] == 0
    assert first.device_id in one[1]
    assert second.device_id in rest[1]
    assert rest[1].endswith("respected everywhere within 15 s")
    assert none == (1, "refused: truck T-1 has no such device")
    assert [device.truck_id for device in shell.devices.list_devices()] == ["T-2"]


@pytest.mark.parametrize(
    "arguments", [["add"], ["add", "T 1"], ["add", "T-1", "--name", "a\nb"], ["revoke"], []]
)
def test_invalid_arguments_are_rejected_before_anything_is_built(
    shell: Shell, arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        shell(*arguments)

    assert ended.value.code == 2


def test_device_commands_need_no_settings_of_other_commands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main(["device", "list"], {"STREAM_NAME": "points"})
    output = capsys.readouterr().err

    assert code == 2
    assert "DEVICE_CREDENTIALS_TABLE" in output
    assert "OPENSEARCH_URL" not in output


def test_enrolling_shows_the_parameters_for_one_certificate(shell: Shell) -> None:
    code, output = shell("enroll", "T-1", "--days", "2")
    parameters = json.loads(next(line for line in output.splitlines() if line.startswith("{")))
    claim: dict[str, Any] = {
        "truck_id": "T-1",
        "key_hash": "k",
        "now_ms": NOW_MS + 2 * MS_PER_DAY - 1,
    }

    assert code == 0
    assert parameters["TruckId"] == "T-1"
    assert is_secret(parameters["EnrollmentSecret"])
    assert shell.enrollments.bind(parameters["EnrollmentSecret"], **claim)
    assert format_instant(NOW_MS + 2 * MS_PER_DAY) in output


def test_a_truck_id_that_is_no_valid_iot_thing_name_is_rejected(shell: Shell) -> None:
    code, output = shell("enroll", "T.1")

    assert code == 1
    assert "T.1" in output
    assert not shell.enrollments.items


@pytest.mark.parametrize("days", ["0", "-1", "367", "x", "1.5"])
def test_an_enrollment_secret_is_valid_for_1_to_366_whole_days(shell: Shell, days: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        shell("enroll", "T-1", "--days", days)
