"""`sim/.env`: how clients find the local cloud, and how `sim` finds a deployed system.

The file has three kinds of readers: `set -a; . sim/.env` in a shell, any dotenv reader, and
`read_environment` here. Users rely on its names. `Environment.variables` maps them to the names
that the deployables use, where those differ.
"""

from __future__ import annotations

import dataclasses
import os
import shlex
import tempfile
from pathlib import Path
from typing import Any

DEFAULT_ENV_FILE = Path("sim/.env")

_NAME = "sim.environment"


def console_url(web_url: str) -> str:
    """URL of the dispatcher's console; empty where no pages are served."""
    return f"{web_url}/console.html" if web_url else ""


class EnvironmentFileError(Exception):
    """The environment file can't be used; the message says what to do."""


def _named(name: str, *, required: bool = False) -> Any:
    metadata = {_NAME: name}
    if required:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default="", metadata=metadata)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Environment:
    """Where a running system is. Values that an environment does not expose are empty.

    A local cloud exposes everything; a deployed system only its two APIs and, for tests, a token
    issuer.
    """

    server_url: str = _named("ServerURL", required=True)
    """Base URL of the HTTP API, without a trailing slash."""
    websocket_url: str = _named("WebSocketURL", required=True)
    web_url: str = _named("WebURL")
    """Base URL of the pages (the customer's page and console.html), without a trailing slash."""
    mqtt_url: str = _named("MqttURL")
    """URL of the broker that trucks publish to, ``mqtt:`` or, with TLS, ``mqtts:``."""
    opensearch_url: str = _named("OpenSearchURL")
    aws_endpoint_url: str = _named("AWS_ENDPOINT_URL")
    region: str = _named("AWS_REGION")
    access_key_id: str = _named("AWS_ACCESS_KEY_ID")
    secret_access_key: str = dataclasses.field(
        default="", repr=False, metadata={_NAME: "AWS_SECRET_ACCESS_KEY"}
    )
    stream_name: str = _named("STREAM_NAME")
    deliveries_table: str = _named("DELIVERIES_TABLE")
    delivery_events_table: str = _named("DELIVERY_EVENTS_TABLE")
    truck_matches_table: str = _named("TRUCK_MATCHES_TABLE")
    subscriptions_table: str = _named("SUBSCRIPTIONS_TABLE")
    socket_tickets_table: str = _named("SOCKET_TICKETS_TABLE")
    socket_limits_table: str = _named("SOCKET_LIMITS_TABLE")
    blocked_identities_table: str = _named("BLOCKED_IDENTITIES_TABLE")
    device_credentials_table: str = _named("DEVICE_CREDENTIALS_TABLE")
    delivery_shares_table: str = _named("DELIVERY_SHARES_TABLE")
    nudge_queue_url: str = _named("NUDGE_QUEUE_URL")
    nudge_dead_letter_queue_url: str = _named("NUDGE_DEAD_LETTER_QUEUE_URL")
    snapshot_queue_url: str = _named("SNAPSHOT_QUEUE_URL")
    snapshot_dead_letter_queue_url: str = _named("SNAPSHOT_DEAD_LETTER_QUEUE_URL")
    round_queue_url: str = _named("ROUND_QUEUE_URL")
    """The queue by which several broadcasters divide each round. A single broadcaster of the local
    cloud runs whole rounds by itself. A second one started by hand would then send everything
    twice; it needs `sim up --broadcasters 2`."""
    parked_bucket: str = _named("PARKED_BUCKET")
    raw_backup_bucket: str = _named("RAW_BACKUP_BUCKET")
    socket_management_url: str = _named("SOCKET_MANAGEMENT_URL")
    """Where messages to sockets are posted (``@connections``)."""
    allowed_origins: str = _named("ALLOWED_ORIGINS")
    """Page origins from which browsers may call the HTTP API and open sockets, comma-separated."""
    issuer: str = _named("ISSUER")
    audience: str = _named("AUDIENCE")
    token_url: str = _named("TOKEN_URL")
    """Where `sim token` requests a token."""
    token_secret: str = dataclasses.field(default="", repr=False, metadata={_NAME: "TOKEN_SECRET"})

    def file_values(self) -> dict[str, str]:
        """The names and values of the file, in its order, without empty values."""
        values = {
            field.metadata[_NAME]: value
            for field in dataclasses.fields(self)
            if (value := getattr(self, field.name))
        }
        if self.region:
            # botocore and the AWS CLI know only the older of the two names.
            values["AWS_DEFAULT_REGION"] = self.region
        return values

    def variables(self) -> dict[str, str]:
        """The variables that the deployables' settings and the AWS SDK read, by their names."""
        values = self.file_values()
        for absent in (
            "ServerURL",
            "WebSocketURL",
            "WebURL",
            "MqttURL",
            "TOKEN_URL",
            "TOKEN_SECRET",
        ):
            values.pop(absent, None)
        values["SERVER_URL"] = self.server_url
        if "OpenSearchURL" in values:
            values["OPENSEARCH_URL"] = values.pop("OpenSearchURL")
        return values


def write_environment(environment: Environment, path: Path = DEFAULT_ENV_FILE) -> None:
    """Writes the file atomically, readable only by its owner (it holds a secret)."""
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in environment.file_values().items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp's files have mode 0600.
    handle, draft = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(lines)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def read_environment(path: Path = DEFAULT_ENV_FILE) -> Environment:
    """Reads the file.

    Raises:
        EnvironmentFileError: The file is missing, isn't lines of ``NAME=value``, or a required
            name is missing.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise EnvironmentFileError(
            f"{path} does not exist: start the local cloud with 'python -m sim up', "
            "or pass --env FILE for another system"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentFileError(f"{path} can't be read: {error}") from error
    values = _parse(text, path)
    fields = {field.metadata[_NAME]: field for field in dataclasses.fields(Environment)}
    missing = [
        name
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and not values.get(name)
    ]
    if missing:
        raise EnvironmentFileError(f"{path}: missing {', '.join(missing)}")
    return Environment(
        **{field.name: values[name] for name, field in fields.items() if name in values}
    )


def _parse(text: str, path: Path) -> dict[str, str]:
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip().removeprefix("export ")
        if not stripped or stripped.startswith("#"):
            continue
        name, equals, quoted = stripped.partition("=")
        try:
            words = shlex.split(quoted, comments=True)
        except ValueError as error:
            raise EnvironmentFileError(f"{path}, line {number}: {error}") from error
        if not equals or not name.strip() or len(words) > 1:
            raise EnvironmentFileError(f"{path}, line {number}: expected NAME=value")
        values[name.strip()] = words[0] if words else ""
    return values
