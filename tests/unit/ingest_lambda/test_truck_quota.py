"""A truck that sends too much, and a token that was revoked: rejected before any work is done."""

from __future__ import annotations

import pytest

from ingest_lambda.settings import Settings
from rtdts.runtime.settings import read_settings
from rtdts.tracking.blocks import Block, BlockKind
from tests.fakes.fake_stream import FakeStream
from tests.support.ingest_on_fakes import NOW_MS, REQUIRED, Lambda, point, sending


def block(kind: BlockKind, **fields: object) -> Block:
    known = {
        "subject": "truck:T-0012",
        "kind": kind,
        "until_ms": NOW_MS + 90_000,
        "reason": "a test",
        "blocked_at_ms": NOW_MS,
    }
    return Block(**(known | fields))  # type: ignore[arg-type]  # as the test names them


@pytest.fixture
def ingest(monkeypatch: pytest.MonkeyPatch) -> Lambda:
    return Lambda(
        monkeypatch,
        FakeStream(),
        TRUCK_REQUESTS_PER_MINUTE="6",
        TRUCK_POINTS_PER_MINUTE="60",
        QUOTA_MINUTES="2",
    )


def statuses(ingest: Lambda, requests: int, points: int = 1) -> list[int]:
    return [ingest(sending({"positions": [point()] * points}))[0] for _ in range(requests)]


def test_requests_beyond_the_burst_are_429_until_the_quota_allows_more(ingest: Lambda) -> None:
    responses = statuses(ingest, 12)
    status, body, headers = ingest(sending(point()))
    accepted = len(ingest.stream.calls)
    ingest.now_ms += int(headers["Retry-After"]) * 1_000

    assert responses == [202] * 12
    assert status == body["status"] == 429
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Retry-After"] == "10"
    assert accepted == 12
    assert statuses(ingest, 2) == [202, 429]


def test_points_beyond_the_burst_are_429(ingest: Lambda) -> None:
    responses = statuses(ingest, 3, points=100)
    _, _, headers = ingest(sending(point()))

    assert responses == [202, 202, 429]
    assert headers["Retry-After"] == "81"


def test_rejected_points_count_towards_the_quota_like_good_ones(ingest: Lambda) -> None:
    bad = sending({"positions": [point(lat=91)] * 200})

    assert [ingest(bad)[0] for _ in range(2)] == [400, 429]


def test_a_truck_over_its_quota_does_not_affect_other_trucks(ingest: Lambda) -> None:
    statuses(ingest, 14)

    assert ingest(sending(point(truck_id="T-0013"), sub="T-0013"))[0] == 202


def test_the_body_of_a_truck_over_its_quota_is_not_unpacked(ingest: Lambda) -> None:
    statuses(ingest, 12)
    event = sending("not base64 at all")
    event["isBase64Encoded"] = True

    assert ingest(event)[0] == 429


def test_a_backlog_of_half_a_day_is_within_the_default_quota() -> None:
    quota = read_settings(Settings, REQUIRED).new_quota()
    for _ in range(43_200 // 500):
        assert not quota.wait_ms("T-1", NOW_MS)

        quota.spend("T-1", requests=1, points=500, now_ms=NOW_MS)


def test_a_truck_that_the_consumer_blocked_is_429_until_the_block_ends(ingest: Lambda) -> None:
    ingest.blocks.block(block(BlockKind.OVER_QUOTA))
    status, body, headers = ingest(sending(point()))
    ingest.now_ms += 90_000

    assert status == body["status"] == 429
    assert headers["Retry-After"] == "90"
    assert ingest(sending(point()))[0] == 202


@pytest.mark.parametrize(
    "revoked",
    [
        block(BlockKind.REVOKED),
        block(BlockKind.REVOKED, subject="token:jti-7"),
        block(BlockKind.REVOKED, issued_before_ms=NOW_MS),
    ],
)
def test_a_revoked_token_is_401_with_error_invalid_token(ingest: Lambda, revoked: Block) -> None:
    ingest.blocks.block(revoked)
    issued_s = str((NOW_MS - 60_000) // 1_000)
    status, body, headers = ingest(sending("{", jti="jti-7", iat=issued_s))

    assert status == body["status"] == 401
    assert headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert not ingest.stream.calls


@pytest.mark.parametrize(
    "other",
    [
        block(BlockKind.REVOKED, subject="truck:T-0013"),
        block(BlockKind.REVOKED, subject="customer:T-0012"),
        block(BlockKind.REVOKED, subject="token:jti-8"),
        block(BlockKind.REVOKED, issued_before_ms=NOW_MS - 120_000),
        block(BlockKind.REVOKED, until_ms=NOW_MS),
    ],
)
def test_a_block_of_something_else_does_not_affect_a_truck(ingest: Lambda, other: Block) -> None:
    ingest.blocks.block(other)
    issued_s = str((NOW_MS - 60_000) // 1_000)

    assert ingest(sending(point(), jti="jti-7", iat=issued_s))[0] == 202


def test_a_block_is_respected_within_15_s(ingest: Lambda) -> None:
    statuses(ingest, 1)
    ingest.blocks.block(block(BlockKind.REVOKED))
    ingest.now_ms += 15_000

    assert statuses(ingest, 1) == [401]


def test_the_blocks_are_read_once_per_10_s(ingest: Lambda) -> None:
    statuses(ingest, 5)
    before = ingest.blocks.readings
    ingest.now_ms += 10_000
    statuses(ingest, 5)

    assert (before, ingest.blocks.readings) == (1, 2)


def test_while_blocks_cannot_be_read_no_truck_is_stopped_and_known_blocks_stay(
    ingest: Lambda,
) -> None:
    ingest.blocks.is_unavailable = True
    first = statuses(ingest, 1)
    ingest.blocks.is_unavailable = False
    ingest.blocks.block(block(BlockKind.REVOKED))
    ingest.now_ms += 10_000
    second = statuses(ingest, 1)
    ingest.blocks.is_unavailable = True
    ingest.now_ms += 10_000

    assert first == [202]
    assert second == statuses(ingest, 1) == [401]


def test_rejections_of_one_truck_are_logged_at_a_limited_rate(ingest: Lambda) -> None:
    ingest.blocks.block(block(BlockKind.OVER_QUOTA))
    statuses(ingest, 5)
    ingest.now_ms += 10_000
    statuses(ingest, 5)

    assert [line["status"] for line in ingest.logged] == [429, 429]
    assert not ingest.emitted
