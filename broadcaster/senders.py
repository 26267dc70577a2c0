"""Chooses an endpoint's sender by its kind, and notes the outcome of each post.

Every other module of the broadcaster treats endpoints as opaque strings (`rtdts.tracking.topics`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from broadcaster.gateway_signals import GatewaySignals
from broadcaster.sender import Payload, PostOutcome, Sender
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import Logger
from rtdts.tracking.topics import kind_and_name


class Channel(NamedTuple):
    """How one kind of endpoint is reached.

    Attributes:
        sender: Posts to the endpoints of this kind.
        signals: Notes the outcomes; not shared with other kinds, which have other quotas.
    """

    sender: Sender
    signals: GatewaySignals


class Senders:
    """Posts to endpoints of all kinds, and ends them; never raises because of an endpoint.

    Args:
        channels: The channel of each kind of endpoint.
        log: Logs an endpoint of a kind that is not among them.
    """

    def __init__(self, channels: Mapping[str, Channel], *, log: Logger) -> None:
        self._channels = channels
        self._log = log

    async def post(self, endpoint: str, payload: Payload, write_by: Deadline) -> PostOutcome:
        """Posts one message like `Sender.post`, and notes the outcome."""
        kind, name = kind_and_name(endpoint)
        channel = self._channels.get(kind)
        if channel is None:
            return self._unknown(endpoint)
        begun_at_s = channel.signals.now_s()
        outcome = await channel.sender.post(name, payload, write_by)
        channel.signals.note(endpoint, outcome, begun_at_s)
        return outcome

    async def end(self, endpoint: str) -> PostOutcome:
        """Ends an endpoint like `Sender.end`."""
        kind, name = kind_and_name(endpoint)
        channel = self._channels.get(kind)
        return self._unknown(endpoint) if channel is None else await channel.sender.end(name)

    def _unknown(self, endpoint: str) -> PostOutcome:
        # A newer version of the service added the kind: the endpoint is not ours to remove.
        self._log.error("endpoint_of_unknown_kind", endpoint=endpoint)
        return PostOutcome.FAILED
