"""Builds what track_lambda needs: the only place that reads its environment."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from rtdts.delivery_store.block_list import BlockList
from rtdts.delivery_store.blocked_identities import BlockStore
from rtdts.position_store.client import connect_by
from rtdts.position_store.track_pages import TrackPage, TrackPages
from rtdts.runtime.aws_clients import ONE_SHORT_ATTEMPT, aws_session
from rtdts.runtime.edge import Edge
from rtdts.runtime.logs import Logger, get_logger
from rtdts.runtime.rate_limits import RateLimits
from rtdts.runtime.rejection_log import RejectionLogLimiter
from rtdts.runtime.settings import read_settings
from rtdts.runtime.wall_clock import now_ms
from track_lambda.settings import Settings

SEARCH_TIMEOUT_S: Final = 10.0
"""Well below the function's own timeout."""
PAGES_BURST_MINUTES: Final = 5
"""Minutes whose pages may be read at once: six days of a truck with one point per second."""


class TrackPort(Protocol):
    """See `rtdts.position_store.track_pages.TrackPages`."""

    def page(self, truck_id: str, *, from_ms: int, to_ms: int, limit: int) -> TrackPage:
        """Returns a truck's good points of an interval."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class App:
    """A started track_lambda."""

    tracks: TrackPort
    identity_claim: str
    blocks: BlockList
    edge: Edge
    pages: RateLimits
    """Limits pages per dispatcher, for this instance alone."""
    rejection_log: RejectionLogLimiter
    log: Logger
    now_ms: Callable[[], int]


def build(environ: Mapping[str, str]) -> App:
    """Reads the settings, then makes the clients; raises as `read_settings`."""
    settings = read_settings(Settings, environ)
    log = get_logger("track_lambda")
    search = connect_by(settings, timeout_s=SEARCH_TIMEOUT_S)
    dynamodb = aws_session(settings.region).client("dynamodb", config=ONE_SHORT_ATTEMPT)
    blocks = BlockStore(dynamodb, settings.blocked_identities_table, log=log)
    return App(
        tracks=TrackPages(search),
        identity_claim=settings.identity_claim,
        blocks=BlockList(blocks, log=log, now_ms=now_ms),
        edge=Edge(settings.edge_secrets),
        pages=RateLimits(
            per_minute=settings.track_pages_per_minute, burst_minutes=PAGES_BURST_MINUTES
        ),
        rejection_log=RejectionLogLimiter(),
        log=log,
        now_ms=now_ms,
    )
