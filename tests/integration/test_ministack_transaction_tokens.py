"""A transaction whose response was lost can be repeated under its token, and is done once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from sim.local_cloud.resources import local_session
from tests.support.corrected_ministack import corrected_ministack
from tests.support.ministack_process import REGION

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE = "table"


@pytest.fixture(scope="module")
def dynamodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DynamoDBClient]:
    with corrected_ministack(tmp_path_factory.mktemp("ministack")) as url:
        client = local_session(REGION).client("dynamodb", endpoint_url=url)
        client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


def write(client: DynamoDBClient, number: str, token: str) -> None:
    """Puts an item, on the condition that it does not exist."""
    client.transact_write_items(
        ClientRequestToken=token,
        TransactItems=[
            {
                "Put": {
                    "TableName": TABLE,
                    "Item": {"id": {"S": token}, "number": {"N": number}},
                    "ConditionExpression": "attribute_not_exists(id)",
                }
            }
        ],
    )


@pytest.mark.parametrize("number", ["5", "100.0", "1e2", "129.04150"])
def test_repeating_a_transaction_under_its_token_succeeds(
    dynamodb: DynamoDBClient, number: str
) -> None:
    for _ in range(3):
        write(dynamodb, number, f"token-{number}")


def test_another_transaction_under_the_same_token_is_always_rejected(
    dynamodb: DynamoDBClient,
) -> None:
    write(dynamodb, "1.0", "token")

    for _ in range(2):
        with pytest.raises(dynamodb.exceptions.IdempotentParameterMismatchException):
            write(dynamodb, "2.0", "token")
    write(dynamodb, "1.0", "token")
