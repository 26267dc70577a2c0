"""Which trucks are allowed a certificate: AWS IoT Core's pre-provisioning hook."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from iot_lambda import bootstrap
from iot_lambda.enrollment import handle, is_allowed
from rtdts.runtime import wall_clock
from rtdts.runtime.logs import Logger
from rtdts.tracking.instants import MS_PER_DAY
from tests.fakes.fake_enrollments import FakeEnrollmentStore
from tests.support.certificates import certificate_for, new_key

NOW_MS = 1_795_503_168_120


KEY = new_key()
CERTIFICATE = certificate_for(KEY)


def hook_event(certificate: str = CERTIFICATE, **parameters: Any) -> dict[str, Any]:
    """As in "Pre-provision hook input", AWS IoT Core Developer Guide."""
    return {
        "claimCertificateId": "c1a1m",
        "certificateId": "c0ffee",
        "certificatePem": certificate,
        "templateArn": "arn:aws:iot:us-east-1:1234567890:provisioningtemplate/MyTemplate",
        "clientId": "221a6d10-9c7f-42f1-9153-e52e6fc869c1",
        "parameters": parameters,
    }


class World:
    def __init__(self) -> None:
        self.enrollments = FakeEnrollmentStore()
        self.lines = io.StringIO()

    def secret(self, truck_id: str) -> str:
        return self.enrollments.add(
            truck_id, name="", now_ms=NOW_MS, expires_at_ms=NOW_MS + MS_PER_DAY
        )

    def allows(self, event: dict[str, Any], *, now_ms: int = NOW_MS) -> bool:
        log = Logger("iot_lambda", self.lines)
        return is_allowed(event, self.enrollments, log=log, now_ms=now_ms)


@pytest.fixture
def world() -> World:
    return World()


def test_a_truck_with_its_own_secret_gets_its_certificate(world: World) -> None:
    secret = world.secret("T-1")

    assert world.allows(hook_event(TruckId="T-1", EnrollmentSecret=secret))


def test_a_secret_may_have_capitals_and_surrounding_spaces_as_people_type_it(world: World) -> None:
    secret = world.secret("T-1")

    assert world.allows(hook_event(TruckId="T-1", EnrollmentSecret=f" {secret.upper()} "))


def test_another_trucks_secret_gives_no_certificate(world: World) -> None:
    secret = world.secret("T-1")
    world.secret("T-2")

    assert not world.allows(hook_event(TruckId="T-2", EnrollmentSecret=secret))


def test_the_claim_certificate_alone_gives_no_certificate_of_a_truck(world: World) -> None:
    world.secret("T-1")

    assert not world.allows(hook_event(TruckId="T-1"))
    assert not world.allows(hook_event(TruckId="T-1", EnrollmentSecret=""))
    assert not world.allows(hook_event())
    assert world.enrollments.takings == 0


def test_a_certificate_may_be_requested_again_after_a_lost_response(world: World) -> None:
    event = hook_event(TruckId="T-1", EnrollmentSecret=world.secret("T-1"))

    assert world.allows(event)
    assert world.allows(event)


def test_after_a_power_loss_a_device_gets_another_certificate_only_for_its_own_key(
    world: World,
) -> None:
    of_truck = {"TruckId": "T-1", "EnrollmentSecret": world.secret("T-1")}

    assert world.allows(hook_event(**of_truck))
    assert world.allows(hook_event(certificate_for(KEY), **of_truck))
    assert not world.allows(hook_event(certificate_for(new_key()), **of_truck))
    assert world.allows(hook_event(certificate_for(KEY), **of_truck))


def test_a_secret_is_valid_until_it_expires(world: World) -> None:
    event = hook_event(TruckId="T-1", EnrollmentSecret=world.secret("T-1"))

    assert not world.allows(event, now_ms=NOW_MS + MS_PER_DAY)
    assert world.allows(event, now_ms=NOW_MS + MS_PER_DAY - 1)


@pytest.mark.parametrize("certificate", ["", "-----BEGIN CERTIFICATE-----", CERTIFICATE[:300]])
def test_a_request_without_a_valid_certificate_is_rejected_and_uses_no_secret(
    world: World, certificate: str
) -> None:
    secret = world.secret("T-1")
    event = hook_event(certificate, TruckId="T-1", EnrollmentSecret=secret)

    assert not world.allows(event)
    assert world.enrollments.takings == 0


@pytest.mark.parametrize("truck_id", ["T.1", "a b", "", "x" * 65, "T-1/../T-2", "+", "*"])
def test_an_invalid_thing_name_is_rejected_without_a_database_request(
    world: World, truck_id: str
) -> None:
    secret = world.secret(truck_id)

    assert not world.allows(hook_event(TruckId=truck_id, EnrollmentSecret=secret))
    assert world.enrollments.takings == 0


@given(st.dictionaries(st.sampled_from(["TruckId", "EnrollmentSecret", "x"]), st.text()))
def test_invented_requests_are_rejected_and_never_raise(parameters: dict[str, str]) -> None:
    assert not World().allows(hook_event(**parameters))


@pytest.mark.parametrize("is_right", [True, False])
def test_no_line_of_the_log_has_the_secret(world: World, is_right: bool) -> None:
    secret = world.secret("T-1" if is_right else "T-2")
    world.allows(hook_event(TruckId="T-1", EnrollmentSecret=secret))
    line = json.loads(world.lines.getvalue())

    assert secret not in world.lines.getvalue()
    assert line["event"] == ("enrolled" if is_right else "enrollment_rejected")
    assert (line["truck_id"], line["claim_certificate_id"]) == ("T-1", "c1a1m")


def test_the_response_is_what_aws_iot_core_expects(monkeypatch: pytest.MonkeyPatch) -> None:
    enrollments = FakeEnrollmentStore()
    secret = enrollments.add(
        "T-1", name="", now_ms=0, expires_at_ms=wall_clock.now_ms() + MS_PER_DAY
    )
    monkeypatch.setattr(bootstrap, "enrollments", lambda: enrollments)

    assert handle(hook_event(TruckId="T-1", EnrollmentSecret=secret), None) == {
        "allowProvisioning": True
    }
    assert handle(hook_event(TruckId="T-2", EnrollmentSecret=secret), None) == {
        "allowProvisioning": False
    }
    enrollments.is_unavailable = True
    with pytest.raises(ClientError):
        handle(hook_event(TruckId="T-1", EnrollmentSecret=secret), None)
