"""Builds what delivery_lambda needs: the only place that reads its environment."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from delivery_lambda.dispatch import Dispatch
from delivery_lambda.settings import Settings
from delivery_lambda.share_service import ShareService
from rtdts.delivery_store.block_list import BlockList
from rtdts.delivery_store.blocked_identities import BlockStore
from rtdts.delivery_store.deliveries import DeliveryStore
from rtdts.delivery_store.matches import MatchStore
from rtdts.delivery_store.shares import ShareStore
from rtdts.delivery_store.tickets import TicketStore
from rtdts.push_queue.nudge_queue import NudgeQueue
from rtdts.runtime.aws_clients import INTERACTIVE, ONE_SHORT_ATTEMPT, aws_session
from rtdts.runtime.edge import Edge
from rtdts.runtime.logs import Logger, get_logger
from rtdts.runtime.origins import Origins
from rtdts.runtime.rate_limits import RateLimits
from rtdts.runtime.rejection_log import RejectionLogLimiter
from rtdts.runtime.settings import read_settings
from rtdts.runtime.wall_clock import now_ms

REQUESTS_BURST_MINUTES = 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class App:
    """A started delivery_lambda."""

    dispatch: Dispatch
    identity_claim: str
    blocks: BlockList
    requests: RateLimits
    rejection_log: RejectionLogLimiter
    edge: Edge
    origins: Origins
    log: Logger


def build(environ: Mapping[str, str]) -> App:
    """Reads the settings, then makes the clients; raises as `read_settings`."""
    settings = read_settings(Settings, environ)
    log = get_logger("delivery_lambda")
    aws = aws_session()
    dynamodb = aws.client("dynamodb", config=INTERACTIVE)
    sqs = aws.client("sqs", config=INTERACTIVE)
    deliveries = DeliveryStore(
        dynamodb,
        settings.tables,
        max_open_deliveries=settings.max_open_deliveries,
        closed_retention_days=settings.closed_retention_days,
    )
    tickets = TicketStore(dynamodb, settings.socket_tickets_table)
    nudges = NudgeQueue(sqs, settings.nudge_queue_url, log=log)
    dispatch = Dispatch(
        deliveries=deliveries,
        tickets=tickets,
        nudges=nudges,
        share_service=ShareService(
            deliveries,
            ShareStore(dynamodb, settings.tables),
            MatchStore(dynamodb, settings.tables, log=log),
            tickets,
            nudges,
            rules=settings.share_rules,
            log=log,
            now_ms=now_ms,
        ),
        log=log,
        now_ms=now_ms,
    )
    blocks = BlockStore(
        aws.client("dynamodb", config=ONE_SHORT_ATTEMPT),
        settings.blocked_identities_table,
        log=log,
    )
    return App(
        dispatch=dispatch,
        identity_claim=settings.identity_claim,
        blocks=BlockList(blocks, log=log, now_ms=now_ms),
        edge=Edge(settings.edge_secrets),
        origins=Origins(settings.allowed_origins),
        rejection_log=RejectionLogLimiter(),
        requests=RateLimits(
            per_minute=settings.requests_per_minute, burst_minutes=REQUESTS_BURST_MINUTES
        ),
        log=log,
    )
