"""What breaks first."""

from __future__ import annotations

import math
import re

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from deploy.capacity.limit_usage import LimitUsage
from deploy.capacity.limits_aws import round_alone
from deploy.capacity.limits_used import limits_used
from deploy.capacity.plan import costs_of, plan_for
from deploy.capacity.scenario import Scenario
from tests.support.capacity import round_plan


def use_of(name: str, **requested: float) -> LimitUsage:
    (found,) = (use for use in limits_used(round_plan(**requested)) if use.name == name)
    return found


def test_the_limit_that_is_used_most_comes_first() -> None:
    shares = [use.share for use in limits_used(round_plan(trucks=100_000, viewers=50_000))]

    assert shares == sorted(shares, reverse=True)


def test_trucks_share_the_gateway_with_a_round_that_posts_as_fast_as_it_can() -> None:
    use = use_of(
        "API Gateway requests, while a round lasts",
        trucks=30_000, every=10, viewers=60_000, deliveries=0, session_minutes=120, round_spread=0,
        posts_per_second=1e9,
    )  # fmt: skip

    # 180 µs of a core per viewer, whatever the round's interval; and new sockets' snapshots.
    assert math.isclose(use.used, 3_000 + 1 / 180e-6 + 60_000 / 7_200)


def test_a_spread_or_limited_round_uses_the_quota_at_its_own_rate() -> None:
    requested = {"trucks": 30_000, "every": 10, "viewers": 60_000, "deliveries": 0}
    name = "API Gateway requests, while a round lasts"

    spread = use_of(
        name, **requested, session_minutes=120, round_spread=0.5, posts_per_second=10_000
    )
    limited = use_of(name, **requested, round_spread=0, posts_per_second=1_600, max_broadcasters=1)

    assert math.isclose(spread.used, 3_000 + 60_000 / 30 + 60_000 / 7_200)
    assert math.isclose(limited.used, 3_000 + 1_600)


def test_the_rate_and_duration_of_a_round_follow_from_its_settings() -> None:
    requested = {"trucks": 1, "viewers": 60_000, "round_spread": 0.5}

    # 60,000 posts in half a minute, or at 500 per second.
    alone = round_alone(round_plan(**requested, posts_per_second=10_000))
    limited = round_alone(round_plan(**requested, posts_per_second=500, max_broadcasters=1))
    unspread = round_alone(round_plan(**requested | {"round_spread": 0}, posts_per_second=1e9))

    assert alone == (2_000, 2_000, 30)
    assert limited == (2_000, 500, 120)
    assert unspread.needed == unspread.posted > 5_000


def test_a_round_that_fits_into_the_burst_counts_as_spread() -> None:
    use = use_of(
        "API Gateway requests, while a round lasts",
        trucks=1, every=1, viewers=3_000, deliveries=0, session_minutes=100,
    )  # fmt: skip

    assert math.isclose(use.used, 1 + 50 + 0.5)


def test_slow_posts_lower_the_rate_of_a_round() -> None:
    use = use_of(
        "API Gateway requests, while a round lasts",
        trucks=1, every=1, viewers=60_000, deliveries=0, session_minutes=100, post_ms=800,
    )  # fmt: skip

    assert math.isclose(use.used, 1 + 1_000 + 10)


def test_more_viewers_than_one_core_can_serve_need_another_broadcaster() -> None:
    # 180 µs per viewer: 5,556 per second, 333,333 per minute.
    requested = {"trucks": 1, "deliveries": 0.0, "session_minutes": 120.0, "posts_per_second": 1e9}
    holds = use_of("broadcaster as shipped", **requested, viewers=300_000, max_broadcasters=1)
    breaks = use_of("broadcaster as shipped", **requested, viewers=400_000, max_broadcasters=1)

    assert holds.share < 1 < breaks.share
    assert round_plan(**requested, viewers=300_000).sizes.broadcasters == 1
    assert breaks.remedy == "broadcaster.max_tasks = 2"


def test_every_broadcaster_sends_a_rounds_buckets_and_one_runs_each_bucket() -> None:
    requested = {
        "trucks": 1,
        "every": 3600,
        "deliveries": 0.0,
        "session_minutes": 120.0,
        "posts_per_second": 1e9,
    }
    plan = round_plan(**requested, viewers=400_000)
    (sqs,) = [cost for cost in costs_of(plan) if cost.part == "SQS"]

    # 256 buckets are 26 requests: sent by both, taken, deleted; and both poll every 3 s, for nudges
    # and snapshots, too.
    rounds = 730 * 3600 * (26 * 4 / 60 + 3 * 2 / 3)
    assert math.isclose(sqs.usd, (3 * plan.load.nudges * plan.load.truck_s + rounds) / 1e6)


@pytest.mark.parametrize(("shards", "nodes"), [(1, 2), (2, 3), (9, 3)])
def test_an_index_uses_a_node_for_each_shard_and_replica_up_to_all_nodes(
    shards: int, nodes: int
) -> None:
    # 1,000 states per second of 30,000 bytes, each twice; 2.1 cores.
    requested = {
        "trucks": 1_000,
        "every": 1.0,
        "search_shards": float(shards),
        "cached_trucks": 10**7,
    }
    disks = use_of("OpenSearch's disks, on nodes with a shard as shipped", **requested)
    work = use_of("OpenSearch's work, on nodes with a shard as shipped", **requested)

    assert math.isclose(disks.used, 60)
    assert math.isclose(disks.limit, nodes * 262.144)
    assert math.isclose(work.used, 2.1)
    assert math.isclose(work.limit, nodes * 2)


FLEETS_WITH_SHARDS_TO_CHOOSE = [(100_000, 10.0), (1_000_000, 10.0), (1_000_000, 60.0)]


@pytest.mark.parametrize(("trucks", "every"), FLEETS_WITH_SHARDS_TO_CHOOSE)
def test_the_suggested_number_of_shards_is_sufficient(trucks: int, every: float) -> None:
    def requesting(**requested: float) -> list[str]:
        plan = plan_for(Scenario(trucks=trucks, every=every, **requested))  # type: ignore[arg-type]
        return [
            use.remedy for use in limits_used(plan) if use.share > 1 and ".shards" in use.remedy
        ]

    expected = [re.findall(r"shards = (\d+)", one)[0] for one in requesting()]

    assert expected
    assert requesting(search_shards=max(map(int, expected))) == []


def test_each_node_has_its_part_of_the_shards_of_all_days() -> None:
    use = use_of("shards of a node", trucks=1, search_shards=4, positions_days=90, raw_days=3)

    assert math.isclose(use.used, 4 * 2 * (90 + 3 + 2) / 3)


def test_a_days_history_has_one_document_per_point_across_its_shards() -> None:
    requested = {"trucks": 1_000, "every": 1.0, "hours": 10.0}
    name = "a day's history, documents: shards as shipped"
    one, three = (use_of(name, search_shards=shards, **requested) for shards in (1, 3))

    assert math.isclose(one.used, 36)
    assert math.isclose(three.limit, 3 * one.limit)


def test_the_remedy_is_enough_shards_for_each_to_have_room() -> None:
    requested = {"trucks": 100_000, "every": 1.0, "hours": 10.0, "fill": 0.5}
    use = use_of("a day's history, documents: shards as shipped", **requested)

    # 3,600 million documents, at most 2,147 million per shard.
    assert use.remedy == "search_nodes.shards = 4"


FLEETS: st.SearchStrategy[dict[str, float]] = st.builds(
    dict,
    every=st.sampled_from([1.0, 10.0, 60.0]),
    batch=st.sampled_from([1.0, 6.0, 100.0]),
    viewers=st.sampled_from([0, 1_000, 500_000]),
)


@example(trucks=7_654, more=347, requested={"every": 10.0, "batch": 1.0, "viewers": 0})
@given(trucks=st.integers(1, 2_000_000), more=st.integers(0, 2_000_000), requested=FLEETS)
def test_more_trucks_never_cost_less_nor_use_less_of_a_limit(
    trucks: int, more: int, requested: dict[str, float]
) -> None:
    few = plan_for(Scenario(trucks=trucks, **requested))  # type: ignore[arg-type]
    many = plan_for(Scenario(trucks=trucks + more, **requested))  # type: ignore[arg-type]

    assert many.sizes.shards >= few.sizes.shards
    assert many.sizes.consumers >= few.sizes.consumers
    assert sum(cost.usd for cost in costs_of(many)) >= 0.999 * sum(c.usd for c in costs_of(few))
    # Of what grows with the shards, each shard may have less.
    shared = {
        "statuses per shard",
        "reading the stream",
        "a consumer's memory",
        "nodes of a domain",
        "shards of a node",
    }
    if few.sizes.reads_states is not many.sizes.reads_states:
        # What a visit writes was measured with either: 4 % less if states are read first.
        shared |= {"OpenSearch's disks, on nodes with a shard as shipped"}
    before = {use.name: use.used for use in limits_used(few) if use.name not in shared}
    for use in limits_used(many):
        if use.name in before:
            assert use.used >= before[use.name] * 0.999, use.name


@given(trucks=st.integers(1, 1_000_000), requested=FLEETS)
def test_a_fleet_that_batches_never_costs_more(trucks: int, requested: dict[str, float]) -> None:
    alone = plan_for(Scenario(trucks=trucks, **{**requested, "batch": 1.0}))  # type: ignore[arg-type]
    batched = plan_for(Scenario(trucks=trucks, **{**requested, "batch": 10.0}))  # type: ignore[arg-type]

    total = [sum(cost.usd for cost in costs_of(plan)) for plan in (alone, batched)]
    assert total[1] <= total[0] * 1.001


@pytest.mark.parametrize("field", ["trucks", "viewers"])
def test_doubling_a_large_fleet_or_its_viewers_about_doubles_the_cost(field: str) -> None:
    large = {"trucks": 1_000_000, "viewers": 1_000_000}
    one, two = (plan_for(Scenario(**{**large, field: large[field] * n})) for n in (1, 2))
    of = {"trucks": "Firehose", "viewers": "API Gateway WebSocket"}[field]
    usd = [next(c.usd for c in costs_of(plan) if c.part == of) for plan in (one, two)]

    assert 1.7 < usd[1] / usd[0] < 2.1


def test_a_broadcaster_uses_only_its_part_of_the_rate_even_if_no_other_runs() -> None:
    requested = {"trucks": 1, "every": 1, "viewers": 6_000, "deliveries": 0, "round_spread": 0}
    name = "API Gateway requests, while a round lasts"

    alone = use_of(name, **requested, posts_per_second=600, max_broadcasters=4)
    both = use_of(name, **requested, posts_per_second=600, max_broadcasters=4, min_broadcasters=2)

    assert (alone.used, both.used) == (1 + 600 / 4, 1 + 600 / 2)


def test_more_posts_than_one_broadcaster_may_send_need_more_up_to_the_maximum() -> None:
    requested = {"trucks": 1, "viewers": 60_000, "deliveries": 0, "posts_per_second": 1_600}

    tasks = [
        round_plan(**requested, max_broadcasters=most).sizes.broadcasters for most in (1, 2, 4)
    ]

    assert tasks == [1, 2, 3]
    assert use_of("posts as shipped", **requested).share < 1
