"""Deploys the Lambdas to the local cloud, with production's zips and settings."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deploy.lambdas import DELIVERY, INGEST, SOCKET, SOCKET_AUTHORIZER, TRACK, Package
from rtdts.runtime.settings import declared_settings

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

ROLE_ARN = "arn:aws:iam::000000000000:role/rtdts-local"
"""The emulator requires a role and does not check it."""
RUNTIME: Final = "python3.13"

SDK_VARIABLES = ("AWS_ENDPOINT_URL",)
"""Read by the AWS SDK itself; not set in AWS. Region and credentials come from the Lambda
runtime in both."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Function:
    """A Lambda function.

    Attributes:
        package: Its zip and handler.
        timeout_s: Limit of an invocation. Below the gateway's 29 s, so that the gateway never
            times out first.
        memory_mb: Memory, which also determines the share of CPU.
    """

    package: Package
    timeout_s: int
    memory_mb: int = 512

    @property
    def name(self) -> str:
        """Its name in the local cloud."""
        return f"rtdts-{self.package.name}"


INGEST_FUNCTION = Function(package=INGEST, timeout_s=28, memory_mb=512)
DELIVERY_FUNCTION = Function(package=DELIVERY, timeout_s=20)
TRACK_FUNCTION = Function(package=TRACK, timeout_s=20)
SOCKET_FUNCTION = Function(package=SOCKET, timeout_s=20)
SOCKET_AUTHORIZER_FUNCTION = Function(package=SOCKET_AUTHORIZER, timeout_s=10)
FUNCTIONS = (
    INGEST_FUNCTION,
    DELIVERY_FUNCTION,
    TRACK_FUNCTION,
    SOCKET_FUNCTION,
    SOCKET_AUTHORIZER_FUNCTION,
)


def deploy_lambdas(
    client: LambdaClient, *, zips: Mapping[str, Path], variables: Mapping[str, str]
) -> dict[str, str]:
    """Creates every function with the settings that it declares.

    Args:
        client: The local cloud's Lambda.
        zips: Built for the emulator's own Python, by package name.
        variables: All known variables; each function gets only those that it declares, so that a
            missing declaration shows here and not first in production.

    Returns:
        The functions' ARNs by package name.

    Raises:
        botocore.exceptions.ClientError: A function exists already, or was rejected.
    """
    return {
        function.package.name: client.create_function(
            FunctionName=function.name,
            Runtime=RUNTIME,
            Role=ROLE_ARN,
            Handler=function.package.handler,
            Code={"ZipFile": zips[function.package.name].read_bytes()},
            Timeout=function.timeout_s,
            MemorySize=function.memory_mb,
            Environment={"Variables": function_variables(function.package, variables)},
        )["FunctionArn"]
        for function in FUNCTIONS
    }


def function_variables(package: Package, variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that a package's settings declare, and those of the SDK."""
    declared = declared_names(package.settings)
    return {
        name: value
        for name, value in variables.items()
        if name in declared or name in SDK_VARIABLES
    }


def declared_names(settings_module: str) -> set[str]:
    """The variables that the settings class of a module declares."""
    settings = importlib.import_module(settings_module).Settings
    return {setting.env for _, setting in declared_settings(settings)}
