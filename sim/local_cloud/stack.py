"""The whole local cloud: its parts and the order of their start and stop."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.package import build_packages
from deploy.wheels import Uv, this_machine
from ingest_lambda.routes import POST_OWNTRACKS
from rtdts.position_store.client import connect
from rtdts.position_store.index_definitions import install_index_templates
from sim.environment import Environment, console_url, write_environment
from sim.local_cloud.applications import (
    BRIDGE_ID,
    BRIDGE_ROLE,
    Intervals,
    bridge_part,
    broadcaster_names,
    broadcaster_parts,
    consumer_part,
    firehose_part,
)
from sim.local_cloud.engines import (
    identity_provider_part,
    ministack_part,
    mqtt_broker_part,
    opensearch_part,
    socket_gateway_part,
    web_part,
)
from sim.local_cloud.identity_provider import CONSOLE_CLIENT_ID, DEFAULT_AUDIENCE
from sim.local_cloud.ports import HOST, Ports
from sim.local_cloud.provisioning import ANY_PAGE, deploy_gateways
from sim.local_cloud.resources import (
    ACCESS_KEY_ID,
    SECRET_ACCESS_KEY,
    CloudNames,
    CreatedResources,
    create_resources,
)
from sim.local_cloud.supervisor import StopStage, Supervisor
from sim.local_cloud.token_issuer import MAX_TTL_S
from sim.setup.jars import kcl_jars
from sim.setup.java import find_java
from sim.setup.mqtt_broker import broker_files
from sim.setup.opensearch import node_files
from sim.setup.places import Places
from sim.token_client import TokenClient

REGION = "ap-northeast-2"
"""The region in which the first trucks drive."""


def stop_stages(broadcasters: int) -> tuple[StopStage, ...]:
    """Stops first the parts that write, then the stores; takes less than the allowed 20 s."""
    writing = ("mqtt-bridge", "consumer", *broadcaster_names(broadcasters), "firehose")
    return (
        StopStage(writing, grace_s=10.0),
        StopStage(
            ("web", "mqtt-broker", "identity-provider", "opensearch", "socket-gateway"),
            grace_s=4.0,
        ),
        StopStage(("ministack",), grace_s=2.0),
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class StackOptions:
    """Options of a local cloud.

    Attributes:
        env_file: The file to write its environment to.
        ports: The ports of the engines.
        intervals: Its time settings.
        broadcasters: Number of broadcasters; several divide the rounds among them.
        allowed_origins: Page origins from which browsers may call the HTTP API and open sockets.
        settings: Additional settings, by name; each deployable reads those that it declares.
    """

    env_file: Path
    ports: Ports
    intervals: Intervals
    broadcasters: int = 1
    allowed_origins: tuple[str, ...] = ANY_PAGE
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict)


class LocalCloud:
    """Starts and stops everything; the supervisor keeps it running."""

    def __init__(
        self,
        places: Places,
        options: StackOptions,
        run_dir: Path,
        supervisor: Supervisor,
        report: Callable[[str], None],
    ) -> None:
        self._places = places
        self._options = options
        self._run_dir = run_dir
        self._supervisor = supervisor
        self._report = report
        self._aws_url = f"http://{HOST}:{options.ports.ministack}"
        self._sockets_url = f"http://{HOST}:{options.ports.socket_gateway}"
        self._opensearch_url = f"http://{HOST}:{options.ports.opensearch}"
        self._issuer = f"http://{HOST}:{options.ports.identity_provider}"
        self._web_url = f"http://{HOST}:{options.ports.web}"
        self._token_secret = secrets.token_urlsafe(24)

    async def start(self) -> Environment:
        """Starts everything; returns when all parts are ready and the environment file is written.

        Raises:
            PartError: A part could not be started.
        """
        self._report("starting the local AWS, OpenSearch and the identity provider")
        java = await asyncio.to_thread(find_java, os.environ, self._places.python)
        created, zips, *_ = await asyncio.gather(
            self._start_aws(),
            asyncio.to_thread(self._build_zips),
            self._start_opensearch(java),
            self._start_identity_provider(),
            self._start_socket_gateway(),
        )
        self._report("deploying the Lambdas behind their gateways")
        environment = await asyncio.to_thread(self._deploy, created, zips)
        self._report(
            "starting consumer, broadcaster, MQTT broker and bridge, firehose and the pages"
        )
        token = await asyncio.to_thread(self._bridge_token, environment)
        await self._start_mqtt_broker(java, environment)
        intervals = self._options.intervals
        await self._supervisor.start(
            consumer_part(
                environment,
                intervals,
                application=created.names.consumer_application,
                shards=len(created.shard_ids),
                java=java,
                extra_jars=kcl_jars(self._places),
                work_folder=self._run_dir / "consumer",
                settings=self._options.settings,
            ),
            *broadcaster_parts(
                environment,
                intervals,
                count=self._options.broadcasters,
                settings=self._options.settings,
            ),
            bridge_part(environment, token=token, settings=self._options.settings),
            firehose_part(environment, intervals, position_file=self._run_dir / "firehose.json"),
            web_part(self._options.ports, config=self._write_web_config(environment)),
        )
        write_environment(environment, self._options.env_file)
        return environment

    async def stop(self) -> None:
        """Stops everything in order."""
        await self._supervisor.stop_all(stop_stages(self._options.broadcasters))

    async def _start_aws(self) -> CreatedResources:
        scratch = self._run_dir / "ministack"
        part = ministack_part(self._places, self._options.ports, region=REGION, scratch=scratch)
        await self._supervisor.start(part)
        return await asyncio.to_thread(create_resources, self._aws_url, REGION, CloudNames())

    async def _start_socket_gateway(self) -> None:
        part = socket_gateway_part(
            self._places,
            self._options.ports,
            region=REGION,
            credentials=(ACCESS_KEY_ID, SECRET_ACCESS_KEY),
            scratch=self._run_dir / "socket-gateway",
            settings=self._options.settings,
        )
        await self._supervisor.start(part)

    async def _start_opensearch(self, java: Path) -> None:
        files = node_files(self._places, java)
        home = self._run_dir / "opensearch"
        await self._supervisor.start(opensearch_part(files, self._options.ports, home=home))
        client = connect(self._opensearch_url)
        await asyncio.to_thread(install_index_templates, client)
        client.close()

    async def _start_mqtt_broker(self, java: Path, environment: Environment) -> None:
        _, path = POST_OWNTRACKS
        part = mqtt_broker_part(
            broker_files(self._places, java),
            self._options.ports,
            data=self._run_dir / "mqtt-broker",
            issuer=self._issuer,
            audience=DEFAULT_AUDIENCE,
            phones_url=environment.server_url + path,
        )
        await self._supervisor.start(part)

    def _bridge_token(self, environment: Environment) -> str:
        client = TokenClient.of(environment)
        return client.token(BRIDGE_ROLE, BRIDGE_ID, ttl_s=MAX_TTL_S)

    async def _start_identity_provider(self) -> None:
        part = identity_provider_part(
            self._options.ports,
            key_file=self._run_dir / "identity-provider.pem",
            audience=DEFAULT_AUDIENCE,
            secret=self._token_secret,
            console_url=console_url(self._web_url),
        )
        await self._supervisor.start(part)

    def _write_web_config(self, environment: Environment) -> Path:
        """Writes the configuration of the pages, as `terraform apply` writes it to the bucket."""
        config = {
            "server_url": environment.server_url,
            "websocket_url": environment.websocket_url,
            "map": {
                "style_url": "base_maps/chicago.light.json",
                "dark_style_url": "base_maps/chicago.dark.json",
            },
            "sign_in": {
                "issuer": self._issuer,
                "client_id": CONSOLE_CLIENT_ID,
                "scope": "openid",
                "origins": [],
            },
        }
        path = self._run_dir / "web.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        return path

    def _build_zips(self) -> dict[str, Path]:
        uv_environment = {**os.environ, "UV_CACHE_DIR": str(self._places.uv_cache)}
        uv = Uv(program=self._places.uv, environ=uv_environment)
        return build_packages(target=this_machine(), uv=uv, out=self._places.project / "build")

    def _deploy(self, created: CreatedResources, zips: dict[str, Path]) -> Environment:
        return deploy_gateways(
            created,
            endpoint_url=self._aws_url,
            socket_endpoint_url=self._sockets_url,
            region=REGION,
            opensearch_url=self._opensearch_url,
            issuer=self._issuer,
            mqtt_url=f"mqtt://{HOST}:{self._options.ports.mqtt_broker}",
            web_url=self._web_url,
            audience=DEFAULT_AUDIENCE,
            token_secret=self._token_secret,
            zips=zips,
            allowed_origins=self._options.allowed_origins,
            settings=self._options.settings,
        )
