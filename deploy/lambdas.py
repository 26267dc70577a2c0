"""The Lambdas' zips: their names, handlers and settings, and the machine they run on."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.wheels import BuildTarget

PRODUCTION = BuildTarget(name="production", python="3.13", platform="aarch64-manylinux_2_28")
"""Lambda's Python 3.13 on arm64: a fifth cheaper than x86_64, on Amazon Linux 2023 (glibc 2.34)."""


@dataclass(frozen=True)
class Package:
    """A zip to build.

    Attributes:
        name: The zip's name.
        handler: What the Lambda runs, ``package.module.function``.
        settings_module: The package's module with its class `Settings`, which it reads from its
            environment.
    """

    name: str
    handler: str
    settings_module: str = "settings"

    @property
    def module(self) -> str:
        """The handler's module."""
        return self.handler.rpartition(".")[0]

    @property
    def function(self) -> str:
        """The name of the handler's function."""
        return self.handler.rpartition(".")[2]

    @property
    def settings(self) -> str:
        """The full name of the module of its settings."""
        return f"{self.module.rpartition('.')[0]}.{self.settings_module}"

    @property
    def group(self) -> str:
        """The dependency group in pyproject.toml that it may use: its package's name."""
        return self.module.split(".")[-2]


INGEST = Package("ingest", "ingest_lambda.handler.lambda_handler")
DELIVERY = Package("delivery", "delivery_lambda.handler.lambda_handler")
TRACK = Package("track", "track_lambda.handler.lambda_handler")
SOCKET = Package("socket", "socket_lambda.handler.lambda_handler")
SOCKET_AUTHORIZER = Package(
    "socket-authorizer", "socket_lambda.authorizer.lambda_handler", "authorizer_settings"
)
PACKAGES = (INGEST, DELIVERY, TRACK, SOCKET, SOCKET_AUTHORIZER)
"""The product's Lambdas, which the local cloud runs too."""

IOT = Package("iot", "iot_lambda.handler.handle")
IOT_ENROLLMENT = Package("iot-enrollment", "iot_lambda.enrollment.handle", "enrollment_settings")
IOT_PACKAGES = (IOT, IOT_ENROLLMENT)
"""The Lambdas behind AWS IoT Core; the local cloud has a broker and a bridge instead."""

SEARCH_ADMIN = Package("search-admin", "search_admin_lambda.handler.lambda_handler")
TEST_ISSUER = Package("test-issuer", "deploy.test_issuer.handler.lambda_handler")
DEPLOYED_PACKAGES = (*PACKAGES, *IOT_PACKAGES, SEARCH_ADMIN, TEST_ISSUER)
"""All Lambdas of an account. A local cloud has its own node set-up and issuer instead."""
