"""Builds what delivery_lambda needs: the only place that reads its environment."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping

from botocore.config import Config

from delivery_lambda.dispatch import Dispatch
from delivery_lambda.settings import Settings
from rtdts.delivery_store.deliveries import DeliveryStore
from rtdts.delivery_store.tickets import TicketStore
from rtdts.push_queue.nudge_queue import NudgeQueue
from rtdts.runtime.aws_clients import aws_session
from rtdts.runtime.logs import Logger, get_logger
from rtdts.runtime.settings import read_settings

# The gateway waits 30 s; a call that takes longer than these has failed. Each client tries 3 times.
_CLIENT_CONFIG = Config(
    connect_timeout=1, read_timeout=3, retries={"mode": "standard", "max_attempts": 3}
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class App:
    """A started delivery_lambda."""

    dispatch: Dispatch
    identity_claim: str
    log: Logger


def build(environ: Mapping[str, str]) -> App:
    """Reads the settings, then makes the clients.

    Raises:
        SettingsError: The environment can't be used.
    """
    settings = read_settings(Settings, environ)
    log = get_logger("delivery_lambda")
    aws = aws_session()
    dynamodb = aws.client("dynamodb", config=_CLIENT_CONFIG)
    sqs = aws.client("sqs", config=_CLIENT_CONFIG)
    dispatch = Dispatch(
        deliveries=DeliveryStore(
            dynamodb, settings.tables, max_open_deliveries=settings.max_open_deliveries
        ),
        tickets=TicketStore(dynamodb, settings.tables),
        nudges=NudgeQueue(sqs, settings.nudge_queue_url, log=log),
        log=log,
        now_ms=lambda: time.time_ns() // 1_000_000,
    )
    return App(dispatch=dispatch, identity_claim=settings.identity_claim, log=log)
