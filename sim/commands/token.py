"""``python -m sim token``: prints a token of the environment's issuer."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from sim.commands.options import add_env_option, count
from sim.environment import EnvironmentFileError, read_environment
from sim.token_client import TokenClient, TokenError

DISPATCHER = "dispatcher"


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "token",
        help="print a token",
        description="Prints only the token, so that it can be used in place: "
        'curl -H "Authorization: Bearer $(python -m sim token --truck T-1)" …',
    )
    one_of = parser.add_mutually_exclusive_group(required=True)
    one_of.add_argument("--truck", metavar="ID", help="a truck's token")
    one_of.add_argument("--customer", metavar="ID", help="a customer's token")
    one_of.add_argument(
        "--dispatcher",
        metavar="ID",
        nargs="?",
        const=DISPATCHER,
        help="a dispatcher's token (an ID is optional)",
    )
    parser.add_argument(
        "--ttl",
        metavar="S",
        type=count,
        default=3600,
        help="seconds for which the token is valid (default: %(default)s)",
    )
    add_env_option(parser, "environment file that names the issuer")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the token; returns 1 and prints the reason to standard error if there is none."""
    role, identity = next(
        (role, given)
        for role in ("truck", "customer", DISPATCHER)
        if (given := getattr(args, role)) is not None
    )
    try:
        client = TokenClient.of(read_environment(args.env))
        token = client.token(role, identity, ttl_s=args.ttl)
    except (EnvironmentFileError, TokenError) as error:
        print(f"no token: {error}", file=sys.stderr)
        return 1
    print(token)
    return 0
