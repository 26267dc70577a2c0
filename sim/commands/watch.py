"""``python -m sim watch D-1``: a delivery as its customer sees it, one JSON line per message."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any

import aiohttp

from rtdts.runtime import wall_clock
from rtdts_client import customer_access
from sim.commands.options import add_env_option
from sim.drive.access import IdentityTokens
from sim.drive.background import run_with_background
from sim.drive.deliveries_api import ApiError, DeliveriesApi
from sim.environment import (
    Environment,
    EnvironmentFileError,
    read_environment,
)
from sim.token_client import TokenClient, TokenError
from sim.viewers.customer import Customer
from sim.viewers.receiver import Received

EXPECTED_ENDS = frozenset({"cancelled", "no_longer_yours", "viewing_over"})
"""The service's reasons for ending the tracking of a delivery that its customer has seen."""

EXIT_OVER, EXIT_FAILED, EXIT_INTERRUPTED = 0, 1, 130


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "watch",
        help="follow a delivery as its customer",
        description="Looks up the delivery's customer, opens a socket as that customer, tracks "
        "the delivery and prints each message as a JSON line. If the connection ends, "
        "reconnects and continues from the last version. Leaves out messages that are older "
        "than those already shown (see --all).",
        epilog="Exit code: 0 if the delivery is no longer shown to its customer, 1 if it can't "
        "be watched, 130 after Ctrl-C.",
    )
    parser.add_argument("delivery_id", metavar="DELIVERY", help="the delivery's id, such as D-1")
    parser.add_argument(
        "--customer",
        metavar="ID",
        help="watch as this customer instead (any other than the delivery's own gets `not_found`)",
    )
    parser.add_argument(
        "--all", action="store_true", help="also print messages that arrived too late"
    )
    add_env_option(parser, "environment file of the system to connect to")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Watches until the delivery's viewing ends, or until Ctrl-C."""
    try:
        environment = read_environment(args.env)
        return asyncio.run(_watch(environment, args.delivery_id, args.customer, args.all))
    except (EnvironmentFileError, TokenError, ApiError) as error:
        _print_line(str(error))
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


async def _watch(
    environment: Environment, delivery_id: str, customer_id: str | None, everything: bool
) -> int:
    tokens = TokenClient.of(environment)
    if customer_id is None:
        customer_id = await _customer_of(environment, tokens, delivery_id)
        _print_line(f"{delivery_id} belongs to customer {customer_id}")

    def show(received: Received) -> None:
        message = received.message
        if received.problem is not None:
            _print_line(received.problem)
        elif message.get("type") not in (None, "pong") and (everything or not received.stale):
            print(json.dumps(message, ensure_ascii=False), flush=True)

    identity = IdentityTokens(tokens, "customer", customer_id)
    customer = Customer(
        environment.websocket_url,
        lambda one: customer_access(environment.server_url, one, identity),
        on_message=show,
        now_ms=wall_clock.now_ms,
    )
    await customer.track(delivery_id)
    reason = await run_with_background(customer.ended(delivery_id), customer.run())
    if reason in EXPECTED_ENDS:
        return EXIT_OVER
    _print_line(f"{delivery_id} can't be watched by {customer_id}: {reason}")
    return EXIT_FAILED


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


def _print_line(text: str) -> None:
    print(f"sim watch: {text}", file=sys.stderr, flush=True)
