"""The engines as parts: local AWS, socket gateway, OpenSearch, MQTT broker, identity provider."""

from __future__ import annotations

import http.client
import os
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from sim.local_cloud.mqtt_broker.broker import (
    READY,
    BrokerFiles,
    broker_command,
    broker_environment,
)
from sim.local_cloud.opensearch.node import (
    NodeFiles,
    node_command,
    node_environment,
    node_responds,
    prepare_home,
)
from sim.local_cloud.parts import Part, Probe
from sim.local_cloud.ports import HOST, Ports
from sim.setup.places import Places

_MINISTACK = Path(__file__).with_name("ministack_corrected.py")


def plain_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The base environment of every part: the current one without its AWS settings.

    No part of a local cloud may reach the AWS account that this machine is logged in to.
    """
    kept = {name: value for name, value in environ.items() if not name.startswith("AWS_")}
    return kept | {"AWS_EC2_METADATA_DISABLED": "true", "PYTHONUNBUFFERED": "1"}


def ministack_part(places: Places, ports: Ports, *, region: str, scratch: Path) -> Part:
    """The local AWS. Its state is only in memory, so it can't be restarted."""
    scratch.mkdir(parents=True, exist_ok=True)
    environment = plain_environment() | {
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(ports.ministack),
        "MINISTACK_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "TMPDIR": str(scratch),
        "LOG_LEVEL": "WARNING",
        # Servers that it would otherwise open besides its gateway.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    return Part(
        name="ministack",
        command=[str(places.ministack_venv / "bin" / "python"), str(_MINISTACK)],
        environment=environment,
        is_ready=responds(f"http://{HOST}:{ports.ministack}/_ministack/health"),
        restarts=False,
    )


def socket_gateway_part(
    places: Places,
    ports: Ports,
    *,
    region: str,
    credentials: tuple[str, str],
    scratch: Path,
    settings: Mapping[str, str] | None = None,
) -> Part:
    """The socket gateway; its sockets end with its process, as may also happen in AWS.

    Args:
        places: Where the Python that runs Lambdas is.
        ports: The ports of the gateway and of the local AWS.
        region: The region that it emulates.
        credentials: The access key and secret that may post to sockets.
        scratch: The folder in which it unpacks Lambdas.
        settings: Additional settings.
    """
    key_id, secret = credentials
    environment = plain_environment() | {
        "AWS_ENDPOINT_URL": f"http://{HOST}:{ports.ministack}",
        "AWS_REGION": region,
        "AWS_ACCESS_KEY_ID": key_id,
        "AWS_SECRET_ACCESS_KEY": secret,
        "GATEWAY_PORT": str(ports.socket_gateway),
        "GATEWAY_SCRATCH": str(scratch),
        "LAMBDA_PYTHON": str(places.ministack_venv / "bin" / "python"),
    }
    return Part(
        name="socket-gateway",
        command=[sys.executable, "-m", "sim.local_cloud.socket_gateway"],
        environment=environment | dict(settings or {}),
        is_ready=responds(f"http://{HOST}:{ports.socket_gateway}/ping"),
    )


def opensearch_part(files: NodeFiles, ports: Ports, *, home: Path) -> Part:
    """A real OpenSearch node; its data outlive its process."""
    prepare_home(home)
    return Part(
        name="opensearch",
        command=node_command(files, home=home, port=ports.opensearch),
        environment=node_environment(files, plain_environment()),
        is_ready=lambda _: node_responds(ports.opensearch),
        ready_within_s=90.0,  # it replays what it had not flushed
    )


def mqtt_broker_part(
    files: BrokerFiles, ports: Ports, *, data: Path, issuer: str, audience: str, phones_url: str
) -> Part:
    """A real MQTT broker; acknowledged messages outlive its process."""
    return Part(
        name="mqtt-broker",
        command=broker_command(
            files,
            data=data,
            port=ports.mqtt_broker,
            issuer=issuer,
            audience=audience,
            phones_url=phones_url,
        ),
        environment=broker_environment(files, plain_environment()),
        is_ready=lambda run: READY in run.output(),
        ready_within_s=90.0,  # it reads its journal
    )


def identity_provider_part(
    ports: Ports, *, key_file: Path, audience: str, secret: str, console_url: str
) -> Part:
    """The company's identity provider; its key is in a file, so tokens outlive its process.

    Args:
        ports: Contains its port.
        key_file: The signing key.
        audience: Audience of its access tokens.
        secret: The secret that ``POST /token`` requires.
        console_url: The page to which the console's sign-in returns.
    """
    url = f"http://{HOST}:{ports.identity_provider}"
    command = [sys.executable, "-m", "sim.local_cloud.identity_provider"]
    command += ["--host", HOST, "--port", str(ports.identity_provider)]
    command += ["--key-file", str(key_file), "--audience", audience]
    command += ["--console-url", console_url]
    return Part(
        name="identity-provider",
        command=command,
        environment=plain_environment() | {"TOKEN_SECRET": secret},
        is_ready=responds(f"{url}/.well-known/openid-configuration"),
    )


def web_part(ports: Ports, *, config: Path) -> Part:
    """The pages with their base map, as CloudFront serves them.

    Args:
        ports: Contains its port.
        config: The file that the pages read as ``config.json``.
    """
    command = [sys.executable, "-m", "sim.local_cloud.web_server"]
    command += ["--host", HOST, "--port", str(ports.web), "--config", str(config)]
    return Part(
        name="web",
        command=command,
        environment=plain_environment(),
        is_ready=responds(f"http://{HOST}:{ports.web}/config.json"),
    )


def responds(url: str) -> Probe:
    """A probe that checks whether a URL returns a successful response."""

    def probe(_: object) -> bool:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own part
                return True
        except (OSError, http.client.HTTPException):  # not up yet, or it died during the response
            return False

    return probe
