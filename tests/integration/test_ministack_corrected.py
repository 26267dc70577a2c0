"""The local cloud's correction of ministack's Lambda; other corrections have their own files."""

import io
import json
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.config import Config

from sim.local_cloud.lambdas import ROLE_ARN, RUNTIME
from sim.local_cloud.resources import local_session
from tests.support.corrected_ministack import corrected_ministack
from tests.support.ministack_process import REGION

WORKERS_PER_FUNCTION = 4
CROWD = 20
SOURCE = """
import os, time

def report(event, context):
    time.sleep(0.05)
    return os.getpid()
"""


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with corrected_ministack(tmp_path_factory.mktemp("ministack")) as url:
        yield url


def test_many_concurrent_invocations_share_a_few_processes(endpoint):
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", SOURCE)
    client = local_session(REGION).client(
        "lambda", endpoint_url=endpoint, config=Config(max_pool_connections=CROWD)
    )
    client.create_function(
        FunctionName="report",
        Runtime=RUNTIME,
        Role=ROLE_ARN,
        Handler="app.report",
        Code={"ZipFile": code.getvalue()},
        Timeout=120,
    )

    def send_request(_: int) -> int:
        response = client.invoke(FunctionName="report")
        assert "FunctionError" not in response
        return int(json.loads(response["Payload"].read()))

    with ThreadPoolExecutor(CROWD) as crowd:
        pids = set(crowd.map(send_request, range(2 * CROWD)))

    assert len(pids) <= WORKERS_PER_FUNCTION
