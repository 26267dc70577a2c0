"""Decides which faults a request gets: pure, and repeatable for the same seed.

A rule's random choices depend only on the seed, its name and how often it has matched. So the
n-th request that a rule matches gets the same result in every run, whatever else is running.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

import msgspec

from sim.fault_shim.batches import ItemFailure
from sim.fault_shim.requests import Request
from sim.fault_shim.rules import (
    Delay,
    Ending,
    FailItems,
    FaultRule,
    LagIndex,
)


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How often a rule has matched, and how often it was applied."""

    matched: int = 0
    applied: int = 0


Tallies = Mapping[str, Tally]
"""The tallies by rule name; a missing rule has never matched."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decision:
    """What is done to one request.

    Attributes:
        applied_rules: Names of the rules that were applied, in order.
        ending: The fault that determines the response; the first rule with one wins.
        failures: The failing entries, by index. Of two rules the first wins.
        delay_before_s: Delay before the request is forwarded. Delays add up.
        delay_after_s: Delay before the response is sent.
        lag_s: Age of the table state that the query sees; the largest value wins.
    """

    applied_rules: tuple[str, ...] = ()
    ending: Ending | None = None
    failures: Mapping[int, ItemFailure] = dataclasses.field(default_factory=dict)
    delay_before_s: float = 0.0
    delay_after_s: float = 0.0
    lag_s: float | None = None


def decide(
    request: Request, rules: Sequence[FaultRule], tallies: Tallies, seed: int
) -> tuple[Decision, Tallies]:
    """Decides what is done to a request; returns the decision and the new tallies."""
    decision = Decision()
    after = dict(tallies)
    for rule in rules:
        places = matching_entries(rule, request)
        if not places:
            continue
        tally = after.get(rule.name, Tally())
        chances = random.Random(f"{seed}/{rule.name}/{tally.matched}")
        tally = msgspec.structs.replace(tally, matched=tally.matched + 1)
        applies = (
            tally.matched >= rule.from_nth
            and (rule.times is None or tally.applied < rule.times)
            and chances.random() < rule.probability
        )
        applied = _apply(decision, rule, places, chances) if applies else None
        if applied is not None:
            decision = applied
            tally = msgspec.structs.replace(tally, applied=tally.applied + 1)
        after[rule.name] = tally
    return decision, after


def matching_entries(rule: FaultRule, request: Request) -> tuple[int, ...]:
    """The indexes of the entries that a rule matches; empty when it doesn't match the request."""
    is_match = (
        _fits(rule.service, request.service)
        and _fits(rule.operation, request.operation)
        and _fits(rule.path, request.path)
        and (rule.target is None or any(_fits(rule.target, name) for name in request.targets))
        and (request.index is not None or not isinstance(rule.fault, LagIndex))
        and (request.batch is not None or not isinstance(rule.fault, FailItems))
    )
    if not is_match:
        return ()
    return tuple(
        place
        for place, about in enumerate(request.entries)
        if rule.ids is None or any(_fits(rule.ids, name) for name in about)
    )


def _fits(pattern: str | None, value: str) -> bool:
    return pattern is None or fnmatchcase(value, pattern)


def _apply(
    decision: Decision, rule: FaultRule, places: Sequence[int], chances: random.Random
) -> Decision | None:
    """The decision with the rule's fault added; None when the fault can't apply."""
    fault = rule.fault
    applied_rules = (*decision.applied_rules, rule.name)
    if isinstance(fault, FailItems):
        failures = _failures(fault, places, chances)
        if not failures.keys() - decision.failures.keys():
            return None
        failures.update(decision.failures)
        return dataclasses.replace(decision, applied_rules=applied_rules, failures=failures)
    if isinstance(fault, Delay):
        field = f"delay_{fault.when}_s"
        waits = {field: getattr(decision, field) + fault.seconds}
        return dataclasses.replace(decision, applied_rules=applied_rules, **waits)
    if isinstance(fault, LagIndex):
        lag_s = max(decision.lag_s or 0.0, fault.seconds)
        return dataclasses.replace(decision, applied_rules=applied_rules, lag_s=lag_s)
    if decision.ending is not None:
        return None
    return dataclasses.replace(decision, applied_rules=applied_rules, ending=fault)


def _failures(
    fault: FailItems, places: Sequence[int], chances: random.Random
) -> dict[int, ItemFailure]:
    failure = ItemFailure(code=fault.code, message=fault.message, status=fault.status)
    return {
        place: failure
        for place in places
        # Draw for every index, so that one entry's result doesn't depend on the others.
        if chances.random() < fault.share and (fault.places is None or place in fault.places)
    }
