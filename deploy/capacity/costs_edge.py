"""Costs of both gateways, and of the Lambdas behind them."""

from __future__ import annotations

from typing import Final

from deploy.capacity.costs import CapacityPlan, Cost

OTHER_LAMBDA_GB: Final = 0.5
OTHER_LAMBDA_S: Final = 0.03
INVOCATIONS_PER_CONNECT: Final = 5
"""Lambdas invoked: for a ticket, the authorizer, ``$connect``, ``track``, ``$disconnect``."""


def http_api(plan: CapacityPlan) -> Cost:
    """The HTTP API: requests of trucks, of the back office, and for tickets."""
    load = plan.load
    requests = load.requests_per_month + load.changes * load.truck_s + load.connects * load.viewer_s
    return Cost(
        part="API Gateway HTTP",
        size=f"{requests / 1e6:,.0f} M requests",
        usd=plan.price("http_api_million", requests / 1e6),
    )


def messages_per_month(plan: CapacityPlan) -> float:
    """Messages to viewers per month."""
    return (plan.load.rounds_posts + plan.load.nudge_posts) * plan.load.viewer_s


def websocket_api(plan: CapacityPlan) -> Cost:
    """The WebSocket API: messages, none of them above 32 KB, and connection minutes."""
    messages = messages_per_month(plan) + plan.load.connects * plan.load.viewer_s
    minutes = plan.scenario.viewers * plan.load.viewer_s / 60
    return Cost(
        part="API Gateway WebSocket",
        size=f"{messages / 1e6:,.0f} M messages, {minutes / 1e6:,.0f} M minutes",
        usd=plan.price("websocket_message_million", messages / 1e6)
        + plan.price("websocket_minute_million", minutes / 1e6),
    )


def other_invocations_per_month(plan: CapacityPlan) -> float:
    """Invocations per month of all Lambdas except ingest_lambda."""
    load = plan.load
    sockets = load.connects * INVOCATIONS_PER_CONNECT * load.viewer_s
    return sockets + load.changes * load.truck_s


def functions(plan: CapacityPlan) -> Cost:
    """The Lambdas: ingest_lambda and the others."""
    load = plan.load
    others = other_invocations_per_month(plan)
    gb_s = (
        load.requests_per_month * plan.sizes.ingest_s * plan.scenario.lambda_gb
        + others * OTHER_LAMBDA_S * OTHER_LAMBDA_GB
    )
    invocations = load.requests_per_month + others
    return Cost(
        part="Lambda",
        size=f"{invocations / 1e6:,.0f} M invocations, {plan.sizes.ingest_s * 1e3:.1f} ms each",
        usd=plan.price("lambda_request_million", invocations / 1e6)
        + plan.price("lambda_gb_second", gb_s),
    )
