"""Decides what the outcomes of posts mean: for the endpoint, or for the account (pure).

API Gateway's management API has one exception for both, `LimitExceededException`: "The client is
sending more than the allowed number of requests per unit of time or the WebSocket client side
buffer is full." It is attributed to the endpoint, unless most endpoints that received their last
message get it: then it is attributed to the account. The same applies to posts without a response
in time: when most posts hang, the cause is the gateway, and no endpoint is put in quarantine for
it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from broadcaster.endpoint_backoff import EndpointBackoff
from broadcaster.quarantine import Quarantine
from broadcaster.rate_limiter import RateLimiter
from broadcaster.sender import PostOutcome

WINDOW: Final = 200
"""Number of responses per decision. When three endpoints in ten really are slow, one such
decision in several billion is wrong."""


class _Majority:
    """Whether most of the last `WINDOW` responses were of one kind."""

    def __init__(self) -> None:
        self.is_reached = False
        self._seen = 0
        self._of_the_kind = 0

    def add(self, *, is_of_the_kind: bool) -> None:
        self._seen += 1
        self._of_the_kind += is_of_the_kind
        if self._seen == WINDOW:
            self.is_reached = 2 * self._of_the_kind > self._seen
            self._seen = self._of_the_kind = 0


class GatewaySignals:
    """Passes each outcome on to the backoff, the quarantine and the rate limiter.

    Args:
        backoff: Which endpoints back off for a moment.
        quarantine: Which endpoints hang repeatedly.
        rate: How fast posts begin.
        monotonic: Clock in seconds; the rate limiter's.
    """

    def __init__(
        self,
        backoff: EndpointBackoff,
        quarantine: Quarantine,
        rate: RateLimiter,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._backoff = backoff
        self._quarantine = quarantine
        self._rate = rate
        self._monotonic = monotonic
        self._limited = _Majority()
        self._hanging = _Majority()

    def now_s(self) -> float:
        """The time now, for the `begun_at_s` of `note`."""
        return self._monotonic()

    def note(self, endpoint: str, outcome: PostOutcome, begun_at_s: float) -> None:
        """Notes the outcome of a post."""
        if not self._backoff.is_known(endpoint):
            self._limited.add(is_of_the_kind=outcome is PostOutcome.THROTTLED)
            self._hanging.add(is_of_the_kind=outcome is PostOutcome.HUNG)
        if outcome is PostOutcome.OVER_QUOTA or (
            outcome is PostOutcome.THROTTLED and self._limited.is_reached
        ):
            self._rate.throttled(begun_at_s)
        elif outcome in (PostOutcome.DELIVERED, PostOutcome.GONE):
            self._rate.accepted()
        self._note_of_endpoint(endpoint, outcome)

    def _note_of_endpoint(self, endpoint: str, outcome: PostOutcome) -> None:
        match outcome:
            case PostOutcome.DELIVERED | PostOutcome.GONE:
                self._backoff.responded(endpoint)
                self._quarantine.responded(endpoint)
            case PostOutcome.THROTTLED:
                self._backoff.throttled(endpoint)
                self._quarantine.responded(endpoint)
            case PostOutcome.HUNG:
                self._backoff.throttled(endpoint)
                if not self._hanging.is_reached:
                    self._quarantine.hung(endpoint)
            case _:  # it concerns the account, or the network
                pass
