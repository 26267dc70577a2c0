"""Which faults apply to a request, decided without a socket."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from sim.fault_shim.batches import Batch
from sim.fault_shim.bulk_batch import BulkBatch
from sim.fault_shim.deciding import Decision, Tallies, Tally, decide
from sim.fault_shim.requests import Dialect, Request
from sim.fault_shim.rules import (
    CutResponse,
    Delay,
    Drop,
    FailItems,
    Fault,
    FaultRule,
    LagIndex,
    Reject,
)

THROTTLE = Reject(status=400, code="ThrottlingException")


def a_request(**changed: Any) -> Request:
    made: dict[str, Any] = {
        "service": "dynamodb",
        "operation": "Query",
        "path": "/",
        "dialect": Dialect.JSON,
        "targets": ("deliveries",),
        "entries": (("by-truck", "T-1"),),
    }
    return Request(**(made | changed))


def a_bulk(*ids: str) -> Request:
    lines = [f'{{"delete":{{"_index":"i","_id":"{one}"}}}}\n' for one in ids]
    batch: Batch = BulkBatch("".join(lines).encode())
    return a_request(service="opensearch", operation="_bulk", batch=batch, entries=batch.entries)


def a_rule(fault: Fault = THROTTLE, **more: Any) -> FaultRule:
    return FaultRule(name=more.pop("name", "r"), fault=fault, **more)


def decisions(
    rules: Sequence[FaultRule], requests: Sequence[Request], seed: int = 0
) -> list[Decision]:
    tallies: Tallies = {}
    made = []
    for request in requests:
        decision, tallies = decide(request, rules, tallies, seed)
        made.append(decision)
    return made


@pytest.mark.parametrize(
    ("patterns", "applies"),
    [
        ({}, True),
        ({"service": "dynamodb", "operation": "Query", "target": "deliveries"}, True),
        ({"operation": "Qu*"}, True),
        ({"operation": "query"}, False),
        ({"service": "kinesis"}, False),
        ({"target": "deliver"}, False),
        ({"target": "*events"}, False),
        ({"path": "/@connections/*"}, False),
        ({"ids": "T-1"}, True),
        ({"ids": "T-[2-9]"}, False),
        ({"operation": "Query", "ids": "T-2"}, False),
    ],
    ids=str,
)
def test_a_rule_applies_when_all_its_patterns_match(patterns: Any, applies: bool) -> None:
    (decision,) = decisions([a_rule(**patterns)], [a_request()])

    assert decision.applied_rules == (("r",) if applies else ())
    assert decision.ending == (THROTTLE if applies else None)


def test_a_rule_applies_from_its_nth_match_as_often_as_it_says() -> None:
    rule = a_rule(from_nth=3, times=2, operation="Query")
    passing = a_request(operation="PutItem")
    made = decisions([rule], [passing, *[a_request()] * 6, passing])

    assert [bool(one.applied_rules) for one in made] == [False] * 3 + [True] * 2 + [False] * 3


def test_random_faults_repeat_with_the_seed_despite_other_requests_and_rules() -> None:
    rule = a_rule(probability=0.4, operation="Query")
    alone = decisions([rule], [a_request()] * 500, seed=7)
    mixed = decisions(
        [a_rule(Delay(seconds=1), name="other", probability=0.5), rule],
        list(
            itertools.chain.from_iterable(
                [a_request(operation="Scan"), a_request()] for _ in range(500)
            )
        ),
        seed=7,
    )
    other_seed = decisions([rule], [a_request()] * 500, seed=8)
    endings = [one.ending for one in alone]

    assert [one.ending for one in mixed[1::2]] == endings
    assert [one.ending for one in other_seed] != endings
    assert 150 < sum(ending is not None for ending in endings) < 250


def test_the_first_rule_that_ends_a_request_wins_and_delays_add_up() -> None:
    rules = [
        a_rule(Delay(seconds=1), name="slow"),
        a_rule(Drop(), name="drop"),
        a_rule(CutResponse(), name="cut"),
        a_rule(Delay(seconds=2), name="slower"),
        a_rule(Delay(seconds=4, when="after"), name="late"),
    ]
    decision, tallies = decide(a_request(), rules, {}, 0)

    assert decision.applied_rules == ("slow", "drop", "slower", "late")
    assert isinstance(decision.ending, Drop)
    assert (decision.delay_before_s, decision.delay_after_s) == (3, 4)
    assert tallies["cut"] == Tally(matched=1, applied=0)
    assert tallies["drop"] == Tally(matched=1, applied=1)


def test_only_entries_that_match_the_rule_fail() -> None:
    bulk = a_bulk("T-1", "T-2", "T-3", "X")
    (by_id,) = decisions([a_rule(FailItems(status=400), ids="T-[13]")], [bulk])
    (by_place,) = decisions([a_rule(FailItems(places=(1, 3, 9)))], [bulk])
    (by_both,) = decisions([a_rule(FailItems(places=(1, 2)), ids="T-*")], [bulk])

    assert sorted(by_id.failures) == [0, 2]
    assert {failure.status for failure in by_id.failures.values()} == {400}
    assert sorted(by_place.failures) == [1, 3]
    assert sorted(by_both.failures) == [1, 2]


def test_a_share_of_the_entries_fails_and_another_rule_fails_the_rest() -> None:
    bulk = a_bulk(*(str(n) for n in range(1000)))
    half = a_rule(FailItems(code="half", share=0.5), name="half")
    rest = a_rule(FailItems(code="rest"), name="rest")
    (decision,) = decisions([half, rest], [bulk])
    codes = [failure.code for failure in decision.failures.values()]

    assert len(codes) == 1000
    assert 400 < codes.count("half") < 600


def test_a_share_that_hits_nothing_is_not_counted_as_applied() -> None:
    (decision,) = decisions([a_rule(FailItems(share=0.0))], [a_bulk("1")])

    assert decision == Decision()


def test_only_batches_fail_in_part_and_only_queries_on_an_index_lag() -> None:
    rules = [a_rule(FailItems(), name="part"), a_rule(LagIndex(seconds=3), name="lag")]
    plain, indexed = decisions(rules, [a_request(), a_request(index="by-truck")])

    assert plain == Decision()
    assert (indexed.applied_rules, indexed.lag_s, dict(indexed.failures)) == (("lag",), 3, {})
