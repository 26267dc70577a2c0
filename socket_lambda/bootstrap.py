"""Builds what socket_lambda needs: the only place that reads its environment."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping

from botocore.config import Config

from rtdts.delivery_store.deliveries import DeliveryStore
from rtdts.delivery_store.subscriptions import SubscriptionStore
from rtdts.delivery_store.tickets import TicketStore
from rtdts.push_queue.nudge_queue import NudgeQueue
from rtdts.runtime.aws_clients import aws_session
from rtdts.runtime.logs import Logger, get_logger
from rtdts.runtime.settings import read_settings
from socket_lambda.admission import TicketPort, TokenPort
from socket_lambda.connection import ConnectionPoster
from socket_lambda.dispatch import Dispatch
from socket_lambda.settings import Settings
from socket_lambda.signing_keys import SigningKeys, fetch_json
from socket_lambda.tokens import TokenReader

# A viewer waits for each of these; what takes longer has failed. Each client tries 3 times.
_CLIENT_CONFIG = Config(
    connect_timeout=1, read_timeout=3, retries={"mode": "standard", "max_attempts": 3}
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class App:
    """The started routes."""

    dispatch: Dispatch
    log: Logger


@dataclasses.dataclass(frozen=True, kw_only=True)
class AuthorizerApp:
    """The started authorizer."""

    tokens: TokenPort
    tickets: TicketPort
    log: Logger
    now_ms: Callable[[], int]


def build(environ: Mapping[str, str]) -> App:
    """Reads the settings, then makes the routes' clients.

    Raises:
        SettingsError: The environment can't be used.
    """
    settings = read_settings(Settings, environ)
    log = get_logger("socket_lambda")
    aws = aws_session()
    dynamodb = aws.client("dynamodb", config=_CLIENT_CONFIG)
    management = aws.client(
        "apigatewaymanagementapi",
        endpoint_url=settings.socket_management_url,
        config=_CLIENT_CONFIG,
    )
    dispatch = Dispatch(
        deliveries=DeliveryStore(dynamodb, settings.tables),
        subscriptions=SubscriptionStore(dynamodb, settings.tables),
        nudges=NudgeQueue(
            aws.client("sqs", config=_CLIENT_CONFIG), settings.nudge_queue_url, log=log
        ),
        poster=ConnectionPoster(management),
        max_tracked=settings.max_tracked,
        now_ms=_now_ms,
    )
    return App(dispatch=dispatch, log=log)


def build_authorizer(environ: Mapping[str, str]) -> AuthorizerApp:
    """Reads the settings, then makes the authorizer's client. It fetches no key yet.

    Raises:
        SettingsError: The environment can't be used.
    """
    settings = read_settings(Settings, environ)
    log = get_logger("socket_authorizer")
    keys = SigningKeys(
        settings.issuer,
        kept_s=settings.keys_kept_s,
        fetch=fetch_json,
        monotonic_s=time.monotonic,
        log=log,
    )
    dynamodb = aws_session().client("dynamodb", config=_CLIENT_CONFIG)
    return AuthorizerApp(
        tokens=TokenReader(
            keys,
            issuer=settings.issuer,
            audience=settings.audience,
            identity_claim=settings.identity_claim,
        ),
        tickets=TicketStore(dynamodb, settings.tables),
        log=log,
        now_ms=_now_ms,
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
