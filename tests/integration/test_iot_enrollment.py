"""Fleet provisioning by claim, and the rights of a truck's certificate, at ministack's IoT Core.

The template, the truck's policy and the hook's zip are the ones that are deployed.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from deploy.lambdas import IOT_ENROLLMENT
from deploy.tables import DEVICE_CREDENTIALS
from rtdts.delivery_store.enrollments import EnrollmentStore
from rtdts.runtime.wall_clock import now_ms
from rtdts.tracking.instants import MS_PER_DAY
from sim.local_cloud.lambdas import RUNTIME, function_variables
from sim.local_cloud.resources import local_session
from tests.support.certificates import Key, new_key, private_pem, signing_request
from tests.support.iot_broker import Box, Certificate, RefusedError, running_iot_core
from tests.support.iot_rules import basic_ingest, create_rule, template, to_queue
from tests.support.lambda_zips import zip_of
from tests.support.ministack_process import REGION

ACCOUNT_ID = "000000000000"
RULE, OTHER_RULE = "rtdts_telemetry", "other"
TEMPLATE = "rtdts-trucks"
TRUCK_POLICY, CLAIM_POLICY = "rtdts-truck", "rtdts-claim"
CREATE = "$aws/certificates/create/json"
SIGN = "$aws/certificates/create-from-csr/json"
PROVISION = f"$aws/provisioning-templates/{TEMPLATE}/provision/json"
numbers = itertools.count(1)


def arn(resource: str) -> str:
    return f"arn:aws:iot:{REGION}:{ACCOUNT_ID}:{resource}"


def trusted(service: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def claim_policy() -> str:
    """The rights of a claim certificate: "Provisioning by claim", AWS IoT Core Developer Guide."""
    topics = [
        "$aws/certificates/create/*",
        "$aws/certificates/create-from-csr/*",
        f"$aws/provisioning-templates/{TEMPLATE}/provision/*",
    ]
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"},
                {
                    "Effect": "Allow",
                    "Action": ["iot:Publish", "iot:Receive"],
                    "Resource": [arn(f"topic/{one}") for one in topics],
                },
                {
                    "Effect": "Allow",
                    "Action": "iot:Subscribe",
                    "Resource": [arn(f"topicfilter/{one}") for one in topics],
                },
            ],
        }
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fleet:
    """AWS IoT Core, prepared for devices to enroll."""

    session: boto3.Session
    url: str
    port: int
    folder: Path
    claim: Certificate
    enrollments: EnrollmentStore
    queue_url: str

    def client(self, service: Any) -> Any:
        return self.session.client(service, endpoint_url=self.url)

    def secret(self, truck_id: str) -> str:
        return self.enrollments.add(
            truck_id, name="", now_ms=now_ms(), expires_at_ms=now_ms() + MS_PER_DAY
        )

    def enroll(
        self, truck_id: str, secret: str, key: Key | None = None
    ) -> tuple[str, Certificate, dict[str, Any]]:
        """Enrolls as a device does: gets a certificate, then registers it.

        Args:
            truck_id: The truck that it is mounted in.
            secret: Issued for a truck.
            key: The device's own key, if AWS does not create one.
        """
        csr = {} if key is None else {"certificateSigningRequest": signing_request(key)}
        with Box(self.port, self.claim, f"box-{next(numbers)}") as box:
            response, created = box.call(SIGN if csr else CREATE, csr)
            assert response == "accepted"
        if key is not None:
            created["privateKey"] = private_pem(key)
        request = {
            "certificateOwnershipToken": created["certificateOwnershipToken"],
            "parameters": {"TruckId": truck_id, "EnrollmentSecret": secret},
        }
        while True:
            with Box(self.port, self.claim, f"box-{next(numbers)}") as box:
                response, registered = box.call(PROVISION, request)
            # The hook was too slow, on a busy machine: the device tries again.
            if registered.get("errorCode") != "InvocationError":
                break
        name = f"{truck_id}-{next(numbers)}"
        return response, Certificate.of(created, self.folder, name), registered

    def received(self) -> list[str]:
        """Returns the trucks whose messages the rule has written since the last call."""
        response = self.client("sqs").receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10
        )
        return [json.loads(one["Body"])["truck_id"] for one in response.get("Messages", ())]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    package = zip_of(IOT_ENROLLMENT, folder)
    session = local_session(REGION)
    with running_iot_core(folder) as (url, port):
        yield prepared(session, url, port, folder, package)


def prepared(session: boto3.Session, url: str, port: int, folder: Path, package: bytes) -> Fleet:
    def client(service: Any) -> Any:
        return session.client(service, endpoint_url=url)

    key = DEVICE_CREDENTIALS.hash_key.name
    client("dynamodb").create_table(
        TableName="devices",
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    iam = client("iam")
    roles = {}
    for name, service in (("hook", "lambda.amazonaws.com"), ("fleet", "iot.amazonaws.com")):
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted(service))
        roles[name] = role["Role"]["Arn"]
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [everything]}
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(document))
    variables = {"AWS_ENDPOINT_URL": url, "DEVICE_CREDENTIALS_TABLE": "devices"}
    function = client("lambda").create_function(
        FunctionName="iot-enrollment",
        Runtime=RUNTIME,
        Role=roles["hook"],
        Handler=IOT_ENROLLMENT.handler,
        Code={"ZipFile": package},
        Timeout=5,
        MemorySize=512,
        Environment={"Variables": function_variables(IOT_ENROLLMENT, variables)},
    )["FunctionArn"]
    client("lambda").add_permission(
        FunctionName="iot-enrollment",
        StatementId="iot",
        Action="lambda:InvokeFunction",
        Principal="iot.amazonaws.com",
        SourceArn=arn(f"provisioningtemplate/{TEMPLATE}"),
    )
    iot = client("iot")
    policy = template(
        "truck_policy.json", partition="aws", region=REGION, account_id=ACCOUNT_ID, rule_name=RULE
    )
    iot.create_policy(policyName=TRUCK_POLICY, policyDocument=json.dumps(policy))
    iot.create_policy(policyName=CLAIM_POLICY, policyDocument=claim_policy())
    body = template("provisioning_template.json", truck_policy_name=TRUCK_POLICY)
    iot.create_provisioning_template(
        templateName=TEMPLATE,
        templateBody=json.dumps(body),
        enabled=True,
        provisioningRoleArn=roles["fleet"],
        preProvisioningHook={"targetArn": function},
    )
    claim = iot.create_keys_and_certificate(setAsActive=True)
    iot.attach_policy(policyName=CLAIM_POLICY, target=claim["certificateArn"])
    queue_url = client("sqs").create_queue(QueueName="messages")["QueueUrl"]
    for rule in (RULE, OTHER_RULE):
        create_rule(session, url, rule, to_queue(queue_url, role_arn=roles["fleet"]))
    return Fleet(
        session=session,
        url=url,
        port=port,
        folder=folder,
        claim=Certificate.of(claim, folder, "claim"),
        enrollments=EnrollmentStore(client("dynamodb"), "devices"),
        queue_url=queue_url,
    )


def unique_truck() -> str:
    return f"T-{next(numbers)}"


def rejected(box: Box, topic: str) -> bool:
    """Returns whether a message on a topic is rejected."""
    try:
        box.publish(topic, b"{}")
    except RefusedError:
        return True
    return False


def test_a_device_with_its_trucks_secret_enrolls_and_sends_as_this_truck(fleet: Fleet) -> None:
    truck_id = unique_truck()
    response, certificate, registered = fleet.enroll(truck_id, fleet.secret(truck_id))

    assert (response, registered["thingName"]) == ("accepted", truck_id)
    with Box(fleet.port, certificate, truck_id) as box:
        box.publish(basic_ingest(RULE, truck_id), b"{}")

    assert fleet.received() == [truck_id]


def test_the_claim_certificate_enrolls_no_truck_without_the_trucks_own_secret(
    fleet: Fleet,
) -> None:
    truck_id, other_id = unique_truck(), unique_truck()
    secret = fleet.secret(other_id)
    for wrong in ("", secret[::-1], secret):
        response, certificate, _ = fleet.enroll(truck_id, wrong)

        assert response == "rejected"
        with pytest.raises(RefusedError), Box(fleet.port, certificate, truck_id):
            pass
    with Box(fleet.port, fleet.claim, truck_id) as box:
        assert rejected(box, basic_ingest(RULE, truck_id))

    assert fleet.received() == []


def test_a_secret_enrolls_only_one_key(fleet: Fleet) -> None:
    truck_id = unique_truck()
    secret = fleet.secret(truck_id)

    assert (fleet.enroll(truck_id, secret))[0] == "accepted"
    assert (fleet.enroll(truck_id, secret))[0] == "rejected"


def test_a_device_that_lost_its_new_certificate_enrolls_again_with_the_same_key(
    fleet: Fleet,
) -> None:
    truck_id, key = unique_truck(), new_key()
    secret = fleet.secret(truck_id)
    assert fleet.enroll(truck_id, secret, key)[0] == "accepted"  # the certificate is lost

    response, certificate, registered = fleet.enroll(truck_id, secret, key)

    assert (response, registered["thingName"]) == ("accepted", truck_id)
    assert fleet.enroll(truck_id, secret, new_key())[0] == "rejected"
    with Box(fleet.port, certificate, truck_id) as box:
        box.publish(basic_ingest(RULE, truck_id), b"{}")
    assert fleet.received() == [truck_id]


def test_a_truck_may_only_send_as_itself_on_its_own_topic_and_receive_nothing(fleet: Fleet) -> None:
    truck_id, other_id = unique_truck(), unique_truck()
    _, certificate, _ = fleet.enroll(truck_id, fleet.secret(truck_id))
    fleet.enroll(other_id, fleet.secret(other_id))
    for client_id in (other_id, "anything", f"{truck_id}/2"):
        with pytest.raises(RefusedError), Box(fleet.port, certificate, client_id):
            pass
    for topic in (
        basic_ingest(RULE, other_id),
        basic_ingest(OTHER_RULE, truck_id),
        basic_ingest(RULE, f"{truck_id}/x"),
        f"trucks/{truck_id}/telemetry",
        f"$aws/things/{truck_id}/shadow/update",
    ):
        with Box(fleet.port, certificate, truck_id) as box:
            assert rejected(box, topic), topic
    for topic in ("#", f"trucks/{truck_id}/telemetry", f"$aws/things/{truck_id}/shadow/get"):
        with Box(fleet.port, certificate, truck_id) as box, pytest.raises(RefusedError):
            box.subscribe(topic)

    assert fleet.received() == []


def test_a_deactivated_certificate_cannot_connect(fleet: Fleet) -> None:
    truck_id = unique_truck()
    _, certificate, _ = fleet.enroll(truck_id, fleet.secret(truck_id))
    iot = fleet.client("iot")
    (principal,) = iot.list_thing_principals(thingName=truck_id)["principals"]
    iot.update_certificate(certificateId=principal.rpartition("/")[2], newStatus="INACTIVE")

    with pytest.raises(RefusedError), Box(fleet.port, certificate, truck_id):
        pass
