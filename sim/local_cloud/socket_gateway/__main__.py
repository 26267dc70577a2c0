"""``python -m sim.local_cloud.socket_gateway``: the process; `settings` has its settings."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import signal
import socket
import sys
from pathlib import Path
from typing import Final

import boto3

from rtdts.runtime.settings import SettingsError, read_settings
from sim.local_cloud.socket_gateway.catalog import Catalog
from sim.local_cloud.socket_gateway.function_logs import FunctionLogs
from sim.local_cloud.socket_gateway.functions import Functions
from sim.local_cloud.socket_gateway.gateway import Gateway
from sim.local_cloud.socket_gateway.settings import Settings
from sim.local_cloud.socket_gateway.sockets import GatewayProtocol

HOST: Final = "127.0.0.1"
BACKLOG: Final = 4_096


async def serve(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stop_requested = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop_requested.set)
    session = boto3.Session(
        aws_access_key_id=settings.access_key_id,
        aws_secret_access_key=settings.secret_access_key,
        region_name=settings.region,
    )
    logs = FunctionLogs(session.client("logs", endpoint_url=settings.aws_endpoint_url))
    catalog = Catalog(session, settings.aws_endpoint_url, Path(settings.scratch))
    functions = Functions(
        catalog.function,
        python=settings.lambda_python,
        workers_per_function=settings.workers_per_function,
        on_line=logs.add,
    )
    gateway = Gateway(settings, catalog, functions)
    listener = socket.create_server((HOST, settings.port), backlog=BACKLOG)
    server = await loop.create_server(
        GatewayProtocol.factory(gateway, gateway.serve), sock=listener
    )
    background = [asyncio.create_task(logs.run()), asyncio.create_task(gateway.keep_limits())]
    print(f"socket gateway: listening on {HOST}:{settings.port}", flush=True)
    await stop_requested.wait()
    server.close()
    await gateway.stop()
    await functions.stop()
    for task in background:
        task.cancel()
    for task in background:
        with contextlib.suppress(asyncio.CancelledError):
            await task


def main() -> int:
    """Runs the process; returns its exit code."""
    try:
        settings = read_settings(Settings, os.environ)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # Thousands of sockets are long-lived objects: scanning them repeatedly is useless.
    gc.set_threshold(50_000, 50, 100)
    asyncio.run(serve(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
