"""Entry point of the test issuer's Lambda, behind its own HTTP API."""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from deploy.test_issuer.issuer import TestIssuer, request_of
from deploy.test_issuer.settings import Settings
from rtdts.runtime.logs import get_logger
from rtdts.runtime.settings import read_settings

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


class KmsKey:
    """A key pair in AWS KMS."""

    def __init__(self, client: KMSClient, key_id: str) -> None:
        self._client = client
        self._key_id = key_id

    def public_key_der(self) -> bytes:
        """See `deploy.test_issuer.issuer.SigningKey`."""
        return self._client.get_public_key(KeyId=self._key_id)["PublicKey"]

    def sign(self, message: bytes) -> bytes:
        """See `deploy.test_issuer.issuer.SigningKey`."""
        return self._client.sign(
            KeyId=self._key_id,
            Message=message,
            MessageType="RAW",
            SigningAlgorithm="RSASSA_PKCS1_V1_5_SHA_256",
        )["Signature"]


@functools.cache
def _issuer() -> TestIssuer:
    import boto3

    settings = read_settings(Settings, os.environ)
    return TestIssuer(
        KmsKey(boto3.client("kms"), settings.key_id),
        url=settings.issuer,
        audience=settings.audience,
        secret_sha256=settings.secret_sha256,
        now_s=time.time,
    )


def lambda_handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """What API Gateway calls."""
    route, authorization, body = request_of(event)
    response = _issuer().respond(route, authorization, body)
    get_logger("test_issuer").info("responded", route=" ".join(route), status=int(response.status))
    return {
        "statusCode": int(response.status),
        "headers": {"content-type": "application/json"},
        "body": json.dumps(response.body),
    }
