"""Builds what the authorizer needs: its only module that reads the environment.

It is separate from the routes' bootstrap, so that the routes' archive holds neither PyJWT nor
cryptography.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping

from rtdts.delivery_store.block_list import BlockList
from rtdts.delivery_store.blocked_identities import BlockStore
from rtdts.delivery_store.tickets import TicketStore
from rtdts.runtime.aws_clients import INTERACTIVE, ONE_SHORT_ATTEMPT, aws_session
from rtdts.runtime.edge import Edge
from rtdts.runtime.logs import Logger, get_logger
from rtdts.runtime.origins import Origins
from rtdts.runtime.settings import read_settings
from rtdts.runtime.wall_clock import now_ms
from socket_lambda.admission import TicketPort, TokenPort
from socket_lambda.authorizer_settings import Settings
from socket_lambda.signing_keys import SigningKeys, fetch_json
from socket_lambda.tokens import TokenReader

COMPONENT = "socket_authorizer"


@dataclasses.dataclass(frozen=True, kw_only=True)
class AuthorizerApp:
    """The started authorizer."""

    tokens: TokenPort
    tickets: TicketPort
    blocks: BlockList
    edge: Edge
    origins: Origins
    log: Logger
    now_ms: Callable[[], int]


def build_authorizer(environ: Mapping[str, str]) -> AuthorizerApp:
    """Reads the settings, then makes the client; raises as `read_settings`. Fetches no key yet."""
    settings = read_settings(Settings, environ)
    log = get_logger(COMPONENT)
    keys = SigningKeys(
        settings.issuer,
        cached_s=settings.keys_cached_s,
        fetch=fetch_json,
        monotonic_s=time.monotonic,
        log=log,
    )
    aws = aws_session()
    dynamodb = aws.client("dynamodb", config=INTERACTIVE)
    blocks = BlockStore(
        aws.client("dynamodb", config=ONE_SHORT_ATTEMPT),
        settings.blocked_identities_table,
        log=log,
    )
    return AuthorizerApp(
        tokens=TokenReader(
            keys,
            issuer=settings.issuer,
            audience=settings.audience,
            identity_claim=settings.identity_claim,
        ),
        tickets=TicketStore(dynamodb, settings.socket_tickets_table),
        blocks=BlockList(blocks, log=log, now_ms=now_ms),
        edge=Edge(settings.edge_secrets),
        origins=Origins(settings.allowed_origins),
        log=log,
        now_ms=now_ms,
    )
