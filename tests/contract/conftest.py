"""Contract tests run each test twice: on the fake, and on the real adapter with an emulator."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest

from rtdts.delivery_store.schema import TableNames
from sim.local_cloud.resources import CloudNames, CreatedResources, create_resources, local_session
from tests.support.ministack_process import REGION, running_ministack
from tests.support.mqtt_broker import BrokerProcess, running_broker


@pytest.fixture(scope="session")
def aws_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_ministack(tmp_path_factory.mktemp("ministack")) as url:
        yield url


@pytest.fixture(scope="session")
def aws_session() -> boto3.Session:
    return local_session(REGION)


@pytest.fixture(scope="session")
def aws_resources(aws_endpoint: str) -> CreatedResources:
    return create_resources(aws_endpoint, REGION, CloudNames())


@pytest.fixture(scope="session")
def table_names(aws_resources: CreatedResources) -> TableNames:
    return aws_resources.names.tables


@pytest.fixture(scope="session")
def mqtt_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    with running_broker(tmp_path_factory.mktemp("mqtt-broker")) as broker:
        yield broker
