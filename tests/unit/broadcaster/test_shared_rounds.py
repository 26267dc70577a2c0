"""Rounds that several broadcasters share: each bucket runs once, and what is reported."""

from __future__ import annotations

from broadcaster.shared_rounds import BEGINNING_AT_ONCE
from rtdts.push_queue.due_buckets import DueBucket
from rtdts.tracking.delivery_buckets import BUCKETS
from tests.support.shared_rounds import ALL, AT_MS, INTERVAL_S, Broadcasters, round_of
from tests.support.waiting import until


async def test_each_bucket_runs_once_per_round_on_one_of_two_broadcasters(
    several: Broadcasters,
) -> None:
    one, other = several.start(), several.start()

    for number in range(3):
        due_at_ms = AT_MS + number * 60_000
        await several.sent(2 * BUCKETS * (number + 1))
        await several.done(BUCKETS * (number + 1))

        ran = one.batches.of(due_at_ms) + other.batches.of(due_at_ms)
        assert sorted(ran) == sorted(ALL)
        several.clock.advance(INTERVAL_S)
    assert several.queue.in_flight == set()


async def test_each_broadcaster_reports_its_part_of_a_round_once_and_the_parts_add_up(
    several: Broadcasters,
) -> None:
    one, other = several.start(), several.start()

    await until(lambda: sum(report.buckets for report in one.reports + other.reports) == BUCKETS)

    assert len(one.reports) <= 1
    assert len(other.reports) <= 1
    assert {report.started_at_ms for report in one.reports + other.reports} == {AT_MS}


async def test_a_round_lasts_from_when_it_was_sent_to_the_end_of_its_last_batch(
    several: Broadcasters,
) -> None:
    one = several.start()
    one.batches.may_end.clear()
    await until(lambda: one.batches.under_way == ALL)

    several.clock.advance(2.5)
    one.batches.may_end.set()
    await until(lambda: bool(one.reports))

    (report,) = one.reports
    assert (report.started_at_ms, report.duration_ms) == (AT_MS, 2_500)
    assert report.buckets == BUCKETS


async def test_a_broadcaster_that_received_no_bucket_of_a_round_reports_nothing(
    several: Broadcasters,
) -> None:
    one = several.start()
    await until(lambda: bool(one.reports))

    late = several.start()
    await several.sent(2 * BUCKETS)
    await late.stop()

    assert late.reports == []


async def test_a_batch_that_is_an_interval_old_is_deleted_unread_and_counted(
    several: Broadcasters,
) -> None:
    several.queue.send_many([DueBucket(bucket=7, due_at_ms=AT_MS - 60_000)])

    one = several.start()
    await until(lambda: bool(one.reports))

    assert one.batches.of(AT_MS - 60_000) == []
    assert sorted(one.batches.of(AT_MS)) == sorted(ALL)
    assert one.reports[0].skipped == 1
    (reported,) = several.logged("buckets_left_out")
    assert (reported["due_at_ms"], reported["buckets"]) == (AT_MS - 60_000, 1)


async def test_every_round_begins_with_the_same_bucket_while_none_is_left_out(
    several: Broadcasters,
) -> None:
    several.start()
    firsts = []
    for number in range(3):
        await several.sent(BUCKETS * (number + 1))
        firsts.append(several.queue.sent[-BUCKETS].bucket)
        await several.done(BUCKETS * (number + 1))
        several.clock.advance(INTERVAL_S)

    assert firsts == [0, 0, 0]


async def test_buckets_that_were_left_out_come_first_until_all_have_run(
    several: Broadcasters,
) -> None:
    several.queue.send_many(round_of(AT_MS - 60_000, *range(96, BUCKETS)))
    several.queue.send_many(round_of(AT_MS, *range(BUCKETS)))
    sent = len(several.queue.sent)
    one = several.start()
    one.batches.may_begin.clear()
    await until(lambda: len(one.batches.under_way) == 10 * BEGINNING_AT_ONCE)
    several.clock.advance(INTERVAL_S)
    await several.sent(sent + 2 * BUCKETS)
    after = [due.bucket for due in several.queue.sent[-BUCKETS:]]
    one.batches.may_begin.set()
    await until(lambda: len(one.batches.of(AT_MS + 60_000)) == BUCKETS)
    await until(lambda: len(one.reports) == 2)
    several.clock.advance(INTERVAL_S)
    await several.sent(sent + 3 * BUCKETS)

    assert after == [*range(96, BUCKETS), *range(96)]
    assert several.queue.sent[-BUCKETS].bucket == 0
