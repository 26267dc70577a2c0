"""Which faults a request meets: pure, and the same again for the same seed.

A rule's chances hang on the seed, its name and how often it has matched, on nothing else: the
n-th request that a rule matches meets the same fate in every run, whatever else is under way.
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
    """How often a rule has matched, and how often it has struck."""

    matched: int = 0
    struck: int = 0


Tallies = Mapping[str, Tally]
"""By the rule's name; a rule that isn't there has never matched."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decision:
    """What is done to one request.

    Attributes:
        struck: Names of the rules that struck, in order.
        ending: What decides the answer; the first rule that has one wins.
        failures: The entries that fail, by place. Of two rules the first wins.
        delay_before_s: Waited before upstream is asked. Delays add up.
        delay_after_s: Waited with the answer at hand.
        lag_s: How old a table the query sees; the longest counts.
    """

    struck: tuple[str, ...] = ()
    ending: Ending | None = None
    failures: Mapping[int, ItemFailure] = dataclasses.field(default_factory=dict)
    delay_before_s: float = 0.0
    delay_after_s: float = 0.0
    lag_s: float | None = None


def decide(
    request: Request, rules: Sequence[FaultRule], tallies: Tallies, seed: int
) -> tuple[Decision, Tallies]:
    """What is done to a request, and the tallies after it."""
    decision = Decision()
    after = dict(tallies)
    for rule in rules:
        places = matching_entries(rule, request)
        if not places:
            continue
        tally = after.get(rule.name, Tally())
        chances = random.Random(f"{seed}/{rule.name}/{tally.matched}")
        tally = msgspec.structs.replace(tally, matched=tally.matched + 1)
        strikes = (
            tally.matched >= rule.from_nth
            and (rule.times is None or tally.struck < rule.times)
            and chances.random() < rule.probability
        )
        struck = _strike(decision, rule, places, chances) if strikes else None
        if struck is not None:
            decision = struck
            tally = msgspec.structs.replace(tally, struck=tally.struck + 1)
        after[rule.name] = tally
    return decision, after


def matching_entries(rule: FaultRule, request: Request) -> tuple[int, ...]:
    """The entries of the request that a rule is about; empty when it isn't about the request."""
    whole = (
        _fits(rule.service, request.service)
        and _fits(rule.operation, request.operation)
        and _fits(rule.path, request.path)
        and (rule.target is None or any(_fits(rule.target, name) for name in request.targets))
        and (request.index is not None or not isinstance(rule.fault, LagIndex))
        and (request.batch is not None or not isinstance(rule.fault, FailItems))
    )
    if not whole:
        return ()
    return tuple(
        place
        for place, about in enumerate(request.entries)
        if rule.ids is None or any(_fits(rule.ids, name) for name in about)
    )


def _fits(pattern: str | None, value: str) -> bool:
    return pattern is None or fnmatchcase(value, pattern)


def _strike(
    decision: Decision, rule: FaultRule, places: Sequence[int], chances: random.Random
) -> Decision | None:
    """The decision with the rule's fault in it; None when there is nothing that it could do."""
    fault = rule.fault
    struck = (*decision.struck, rule.name)
    if isinstance(fault, FailItems):
        failures = _failures(fault, places, chances)
        if not failures.keys() - decision.failures.keys():
            return None
        failures.update(decision.failures)
        return dataclasses.replace(decision, struck=struck, failures=failures)
    if isinstance(fault, Delay):
        field = f"delay_{fault.when}_s"
        waits = {field: getattr(decision, field) + fault.seconds}
        return dataclasses.replace(decision, struck=struck, **waits)
    if isinstance(fault, LagIndex):
        lag_s = max(decision.lag_s or 0.0, fault.seconds)
        return dataclasses.replace(decision, struck=struck, lag_s=lag_s)
    if decision.ending is not None:
        return None
    return dataclasses.replace(decision, struck=struck, ending=fault)


def _failures(
    fault: FailItems, places: Sequence[int], chances: random.Random
) -> dict[int, ItemFailure]:
    failure = ItemFailure(code=fault.code, message=fault.message, status=fault.status)
    return {
        place: failure
        for place in places
        # Every place draws, so that one entry's fate doesn't hang on the others'.
        if chances.random() < fault.share and (fault.places is None or place in fault.places)
    }
