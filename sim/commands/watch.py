"""``python -m sim watch D-1``: a delivery as its customer sees it, a JSON line a message."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any

import aiohttp

from rtdts.runtime import wall_clock
from sim.commands.options import add_env_option
from sim.drive.access import IdentityTokens
from sim.drive.deliveries_api import ApiError, DeliveriesApi
from sim.environment import (
    Environment,
    EnvironmentFileError,
    read_environment,
)
from sim.token_client import TokenClient, TokenError
from sim.viewers.connection import RefusedError, socket_opener
from sim.viewers.viewer import Received, Viewer

EXIT_OVER, EXIT_FAILED, EXIT_INTERRUPTED = 0, 1, 130


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "watch",
        help="follow a delivery as its customer",
        description="Looks up whose the delivery is, opens that customer's socket, tracks the "
        "delivery and prints each message as a JSON line. Reconnects when the connection ends, "
        "and goes on from the version that it has. Messages that are older than what was shown "
        "already are left out (see --all).",
        epilog="Exit code: 0 when the delivery is no longer shown to its customer, 1 when it "
        "can't be watched, 130 after Ctrl-C.",
    )
    parser.add_argument("delivery_id", metavar="DELIVERY", help="its id, such as D-1")
    parser.add_argument(
        "--customer",
        metavar="ID",
        help="watch as this customer instead (one whose it is not is told `not_found`)",
    )
    parser.add_argument("--all", action="store_true", help="print also messages that came too late")
    add_env_option(parser, "the system to ask")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Watches until the delivery's viewing ends or Ctrl-C."""
    try:
        environment = read_environment(args.env)
        return asyncio.run(_watch(environment, args.delivery_id, args.customer, args.all))
    except (EnvironmentFileError, TokenError, ApiError, RefusedError) as error:
        _say(str(error))
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


async def _watch(
    environment: Environment, delivery_id: str, customer_id: str | None, everything: bool
) -> int:
    tokens = TokenClient.of(environment)
    if customer_id is None:
        customer_id = await _customer_of(environment, tokens, delivery_id)
        _say(f"{delivery_id} is {customer_id}'s")
    over: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def show(received: Received) -> None:
        message = received.message
        kind = message.get("type")
        if received.problem is not None:
            _say(received.problem)
        elif kind is not None and (everything or not received.stale):
            print(json.dumps(message, ensure_ascii=False), flush=True)
        gone = kind == "ended" and message.get("reason") != "token_expired"
        if (gone or kind == "error") and not over.done():
            over.set_result(EXIT_OVER if gone else EXIT_FAILED)

    viewer = Viewer(
        socket_opener(environment.websocket_url),
        IdentityTokens(tokens, "customer", customer_id),
        on_message=show,
        now_ms=wall_clock.now_ms,
    )
    await viewer.track(delivery_id)
    running: asyncio.Future[Any] = asyncio.ensure_future(viewer.run())
    try:
        await asyncio.wait({running, over}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        code: int = over.result()
        return code
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _customer_of(environment: Environment, tokens: TokenClient, delivery_id: str) -> str:
    async with aiohttp.ClientSession() as session:
        dispatcher = IdentityTokens(tokens, "dispatcher", "sim")
        api = DeliveriesApi(session, environment.server_url, dispatcher)
        try:
            return (await api.get(delivery_id)).customer_id
        except ApiError as error:
            if error.status == 404:
                raise ApiError(delivery_id, None, "there is no such delivery") from error
            raise


def _say(text: str) -> None:
    print(f"sim watch: {text}", file=sys.stderr, flush=True)
