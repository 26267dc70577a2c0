"""A delivery's log beside the timeline that its truck's points and its declarations imply."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import boto3

from bench.truth.timeline import timeline
from rtdts.delivery_store.deliveries import DeliveryStore
from rtdts.delivery_store.schema import TableNames
from rtdts.tracking.deliveries import Cause, Delivery, DeliveryEvent, PlannedRoute
from rtdts.tracking.delivery_log import fold_log, is_declared
from rtdts.tracking.fixes import fix_of
from rtdts.tracking.positions import Point
from rtdts.tracking.status_machine import Transition
from rtdts.tracking.status_rules import StatusRules
from rtdts.tracking.truck_fold import TrackingRules
from sim.environment import Environment


def delivery_store(environment: Environment) -> DeliveryStore:
    """Deliveries and their logs in a local cloud."""
    client = boto3.client(
        "dynamodb",
        endpoint_url=environment.aws_endpoint_url,
        region_name=environment.region,
        aws_access_key_id=environment.access_key_id,
        aws_secret_access_key=environment.secret_access_key,
    )
    return DeliveryStore(
        client,
        TableNames(
            deliveries=environment.deliveries_table,
            delivery_events=environment.delivery_events_table,
            truck_matches=environment.truck_matches_table,
            subscriptions=environment.subscriptions_table,
            socket_tickets=environment.socket_tickets_table,
        ),
    )


def log_problems(log: Sequence[DeliveryEvent]) -> list[str]:
    """Returns the problems of a log that do not depend on its content: gaps and duplicates."""
    problems = []
    versions = [event.version for event in log]
    if versions != list(range(1, len(log) + 1)):
        problems.append(f"versions {versions}")
    by_rule = Counter((event.cause, event.point_id) for event in log if not is_declared(event))
    problems += [f"{cause} by {point} {n} times" for (cause, point), n in by_rule.items() if n > 1]
    keys = Counter(event.idempotency_key for event in log if event.idempotency_key)
    problems += [f"declared {n} times with {key}" for key, n in keys.items() if n > 1]
    return problems


def timeline_of(log: Sequence[DeliveryEvent]) -> list[Transition]:
    """Returns what a log folds to, for a delivery whose declarations withdraw no other."""
    declared = [index for index, event in enumerate(log) if is_declared(event)]
    timeline: list[Transition] = []
    for index, until in zip(declared, [*declared[1:], len(log)], strict=True):
        event = log[index]
        timeline.append(Transition(event.status, event.cause, event.effective_at_ms))
        timeline += fold_log(log[:until]).transitions
    return timeline


def true_timeline(
    delivery: Delivery, points: Iterable[Point], log: Sequence[DeliveryEvent], *, dwell_s: float
) -> list[Transition]:
    """Returns the timeline, by definition, of all points and the log's declarations."""
    return list(
        timeline(
            PlannedRoute(origin=delivery.origin, destination=delivery.destination),
            map(fix_of, points),
            [
                Transition(event.status, event.cause, event.effective_at_ms)
                for event in log
                if is_declared(event) and event.cause is not Cause.CORRECTED
            ],
            status_rules=StatusRules(dwell_s=dwell_s),
            enrichment_rules=TrackingRules().enrichment,
        )
    )
