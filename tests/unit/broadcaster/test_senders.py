from __future__ import annotations

import io

import pytest

from broadcaster.endpoint_backoff import EndpointBackoff
from broadcaster.gateway_signals import GatewaySignals
from broadcaster.quarantine import HANGS, Quarantine
from broadcaster.rate_limiter import RateLimiter
from broadcaster.sender import Payload, PostOutcome
from broadcaster.senders import Channel, Senders
from rtdts.runtime.logs import Logger
from rtdts.tracking.topics import socket_endpoint
from tests.fakes.fake_clock import FakeClock
from tests.fakes.fake_gateway import FakeGateway
from tests.support.waiting import NO_HURRY

CEILING = 100.0
MESSAGE = Payload.of(b'{"v":1,"type":"pong","sent_at":"2026-11-24T06:52:48.120Z"}')


class TwoKinds:
    """Sockets, and devices with a provider of their own."""

    def __init__(self) -> None:
        clock = FakeClock()
        self.written = io.StringIO()
        self.backoff = EndpointBackoff(clock.monotonic, uniform=max)
        self.quarantine = Quarantine(4, 2.0, clock.monotonic)
        self.gateways = {kind: FakeGateway() for kind in ("socket", "device")}
        self.rates = {
            kind: RateLimiter(CEILING, monotonic=clock.monotonic) for kind in self.gateways
        }
        channels = {
            kind: Channel(
                gateway,
                GatewaySignals(self.backoff, self.quarantine, self.rates[kind], clock.monotonic),
            )
            for kind, gateway in self.gateways.items()
        }
        self.of = Senders(channels, log=Logger("broadcaster", self.written))

    async def post(self, endpoint: str) -> PostOutcome:
        return await self.of.post(endpoint, MESSAGE, NO_HURRY)


async def test_a_message_is_posted_by_the_sender_of_its_endpoints_kind() -> None:
    two = TwoKinds()
    two.gateways["device"].respond_with("a", PostOutcome.GONE)

    assert await two.post(socket_endpoint("a")) is PostOutcome.DELIVERED
    assert await two.post("device:a") is PostOutcome.GONE
    assert await two.of.end("device:a:b") is PostOutcome.DELIVERED
    assert two.gateways["socket"].payloads == {"a": [MESSAGE]}
    assert two.gateways["device"].payloads == {"a": [MESSAGE]}
    assert (two.gateways["socket"].ended, two.gateways["device"].ended) == (set(), {"a:b"})


async def test_endpoints_of_two_kinds_with_one_name_have_separate_backoff_and_quarantine() -> None:
    two = TwoKinds()
    two.gateways["device"].respond_with("a", PostOutcome.HUNG)

    for _ in range(HANGS):
        await two.post("device:a")

    assert two.backoff.remaining_s("device:a") > 0
    assert two.quarantine.contains("device:a")
    assert two.backoff.remaining_s(socket_endpoint("a")) == 0
    assert not two.quarantine.contains(socket_endpoint("a"))


async def test_the_quota_of_one_kind_slows_no_other_kind() -> None:
    two = TwoKinds()
    two.gateways["device"].respond_with("a", PostOutcome.OVER_QUOTA)

    await two.post("device:a")

    assert two.rates["device"].per_s < CEILING
    assert two.rates["socket"].per_s == CEILING


@pytest.mark.parametrize("endpoint", ["mail:a", ""])
async def test_an_endpoint_of_unknown_kind_fails_and_is_logged(endpoint: str) -> None:
    two = TwoKinds()

    assert await two.post(endpoint) is PostOutcome.FAILED
    assert await two.of.end(endpoint) is PostOutcome.FAILED
    assert two.written.getvalue().count("endpoint_of_unknown_kind") == 2
