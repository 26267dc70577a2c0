"""Builds what the socket's routes need: their only module that reads the environment."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from rtdts.delivery_store.block_list import BlockList
from rtdts.delivery_store.blocked_identities import BlockStore
from rtdts.delivery_store.deliveries import DeliveryStore
from rtdts.delivery_store.socket_limits import SocketLimitStore
from rtdts.delivery_store.subscriptions import SubscriptionStore
from rtdts.push_queue.snapshot_queue import SnapshotQueue
from rtdts.runtime.aws_clients import INTERACTIVE, ONE_SHORT_ATTEMPT, aws_session
from rtdts.runtime.logs import Logger, get_logger
from rtdts.runtime.settings import read_settings
from rtdts.runtime.wall_clock import now_ms
from socket_lambda.connection import ConnectionPoster, closing_for_too_many
from socket_lambda.dispatch import Dispatch
from socket_lambda.limits import SocketLimiter, SocketLimits
from socket_lambda.settings import Settings


@dataclasses.dataclass(frozen=True, kw_only=True)
class App:
    """The started routes."""

    dispatch: Dispatch
    log: Logger


def build(environ: Mapping[str, str]) -> App:
    """Reads the settings, then makes the routes' clients; raises as `read_settings`."""
    settings = read_settings(Settings, environ)
    log = get_logger("socket_lambda")
    aws = aws_session()
    dynamodb = aws.client("dynamodb", config=INTERACTIVE)
    management = aws.client(
        "apigatewaymanagementapi",
        endpoint_url=settings.socket_management_url,
        config=INTERACTIVE,
    )
    poster = ConnectionPoster(management)
    limits = SocketLimits.of(
        max_sockets=settings.max_sockets,
        connects_per_minute=settings.connects_per_minute,
        max_tracked=settings.max_tracked,
        frames_per_minute=settings.frames_per_minute,
    )
    blocks = BlockStore(
        aws.client("dynamodb", config=ONE_SHORT_ATTEMPT),
        settings.blocked_identities_table,
        log=log,
    )
    dispatch = Dispatch(
        deliveries=DeliveryStore(dynamodb, settings.tables),
        subscriptions=SubscriptionStore(dynamodb, settings.tables),
        snapshots=SnapshotQueue(
            aws.client("sqs", config=INTERACTIVE), settings.snapshot_queue_url, log=log
        ),
        poster=poster,
        limits=SocketLimiter(
            SocketLimitStore(dynamodb, settings.socket_limits_table),
            limits,
            close=closing_for_too_many(poster, now_ms=now_ms),
            now_ms=now_ms,
        ),
        blocks=BlockList(blocks, log=log, now_ms=now_ms),
        max_tracked=settings.max_tracked,
        now_ms=now_ms,
    )
    return App(dispatch=dispatch, log=log)
