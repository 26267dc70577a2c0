"""The arguments of the commands, their outputs and their exit codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from operations.__main__ import main
from operations.bootstrap import Operator
from operations.command_line import instant_ms
from operations.erase_truck import TruckStores
from operations.replay_backup import IntoRawLog, IntoStream
from operations.replay_failed_messages import FailedMessageStores
from rtdts.position_store.errors import StoreUnavailable
from rtdts.telemetry_stream.bucket_objects import BucketObjects
from rtdts.telemetry_stream.device_stream import DeviceStream
from rtdts.telemetry_stream.set_aside import SetAsideBatches
from rtdts.tracking.blocks import Blocks, Token
from tests.fakes.fake_block_store import FakeBlockStore
from tests.fakes.fake_failed_messages import FakeFailedMessages
from tests.fakes.fake_raw_log import FakeRawLog
from tests.fakes.fake_stream import FailSome, FakeStream
from tests.support.erasures import NOW_MS, FakeMatches, FakeTruckSearch, customer_stores, owned
from tests.support.operations_world import World, quick
from tests.support.set_aside_batches import device_message, invocation


class FakeRetention:
    def hours(self) -> int:
        return 24


class Shell:
    """Runs commands, and returns their exit codes and outputs."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.world = World()
        self.search = FakeTruckSearch("T-1")
        self.blocks = FakeBlockStore()
        self.carried: list[str] = []
        self.failed_messages: FailedMessageStores | None = None
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str]:
        code = main(list(arguments), {}, build_operator=self._build)
        return code, self._capsys.readouterr().out.strip()

    def _build(self, _environ: Mapping[str, str]) -> Operator:
        world = self.world
        raw_log = IntoRawLog(
            FakeRawLog(),
            quick(),
            waits_s=lambda: iter(()),
            sleep=lambda _: None,
            console=world.console,
        )
        retention: Any = FakeRetention()
        return Operator(
            truck=TruckStores(
                buckets={"parked": world.parked},
                search=self.search,
                matches=FakeMatches(self.carried),
            ),
            customer=customer_stores(("C-1", owned("D-1", "T-1"))),
            blocks=self.blocks,
            parked=world.parked,
            backup=world.backup,
            failed_messages=self.failed_messages,
            set_aside=SetAsideBatches(BucketObjects(world.parked_bucket, "parked")),
            retention=retention,
            replayer=lambda _rate: world.replayer,
            into_stream=lambda _rate: IntoStream(
                world.replayer, console=world.console, now_ms=lambda: NOW_MS
            ),
            into_raw_log=lambda _rate: raw_log,
            now_ms=lambda: NOW_MS,
            console=world.console,
        )


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def test_an_erasure_ends_with_counts_and_the_date_of_the_next_run(shell: Shell) -> None:
    code, output = shell("erase", "--truck", "T-1")

    assert code == 0
    assert "erased truck T-1: truck-raw-* 4, truck-positions-* 3" in output
    assert "left: nothing" in output
    assert "once more after 2027-01-16T08:00:00.000Z" in output


def test_a_dry_run_prints_what_it_would_do_and_does_nothing(shell: Shell) -> None:
    for subject in (("--truck", "T-1"), ("--customer", "C-1")):
        code, output = shell("erase", *subject, "--dry-run")

        assert (code, output.split()[0:2]) == (0, ["would", "erase"])
    assert shell.search.count("T-1")["truck-raw-*"] == 4


def test_a_rejection_is_reported_and_force_overrides_it(shell: Shell) -> None:
    shell.carried = ["D-1"]

    rejected, output = shell("erase", "--truck", "T-1")
    forced, _ = shell("erase", "--truck", "T-1", "--force")

    assert (rejected, forced) == (1, 0)
    assert output.startswith("refused: T-1 carries open deliveries (D-1)")


def test_remaining_documents_fail_the_command(shell: Shell) -> None:
    shell.search.reappearing = 99

    code, output = shell("erase", "--truck", "T-1")

    assert code == 1
    assert output.startswith("unfinished: left: truck-raw-* 1")


def test_a_store_that_is_unavailable_is_reported_in_one_line(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_truck_id: str) -> dict[str, int]:
        raise StoreUnavailable("count", 503, "unavailable")

    monkeypatch.setattr(shell.search, "count", fail)

    code, output = shell("erase", "--truck", "T-1", "--dry-run")

    assert code == 1
    assert output.startswith("failed: count: 503: unavailable")
    assert len(output.splitlines()) == 1


def test_replays_end_with_a_summary(shell: Shell) -> None:
    shell.world.parking.park(b"?", name="1", reason="not_a_point")

    assert shell("replay-parked") == (0, "replayed 0 points; objects that stay: not_a_point 1")
    assert shell(
        "replay-backup", "--from", "2026-11-20", "--to", "2026-11-21", "--into", "raw"
    ) == (
        0,
        "replayed 0 records of 0 objects into raw",
    )


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["erase"],
        ["erase", "--truck", "T-1", "--customer", "C-1"],
        ["erase", "--truck", "T 1"],
        ["erase", "--customer", "*"],
        ["replay-backup", "--from", "2026-11-20", "--to", "2026-11-21"],
        ["replay-backup", "--from", "yesterday", "--to", "2026-11-21", "--into", "raw"],
        ["replay-parked", "--points-per-second", "0"],
    ],
)
def test_invalid_arguments_are_rejected_before_anything_is_built(
    shell: Shell, arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        shell(*arguments)

    assert ended.value.code == 2


def test_settings_that_are_missing_are_all_named(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["erase", "--truck", "T-1"], {"AWS_REGION": "eu-central-1"})

    assert code == 2
    output = capsys.readouterr().err
    assert all(
        name in output for name in ("OPENSEARCH_URL", "RAW_BACKUP_BUCKET", "DELIVERIES_TABLE")
    )


@pytest.mark.parametrize("command", ["erase", "replay-parked", "replay-backup"])
def test_every_command_has_help_that_names_its_exit_codes(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])

    assert ended.value.code == 0
    assert "Exit code" in capsys.readouterr().out


def test_a_time_without_an_offset_is_utc() -> None:
    assert instant_ms("1970-01-02") == 86_400_000
    assert instant_ms("1970-01-01T01") == instant_ms("1970-01-01T02:00+01:00") == 3_600_000
    assert instant_ms("1970-01-01T00:00:01.5Z") == 1_500


THIEF = ("--truck", "T-1", "--reason", "phone stolen")


def blocks_of(shell: Shell) -> Blocks:
    return Blocks(shell.blocks.in_force(NOW_MS))


def test_a_blocked_truck_is_blocked_with_every_token(shell: Shell) -> None:
    code, output = shell("block", *THIEF)

    assert code == 0
    assert "blocked truck:T-1, until 2027-" in output
    assert "within 15 s" in output
    assert blocks_of(shell).revoking("truck", "T-1", Token("", NOW_MS * 2), NOW_MS)


def test_the_tokens_issued_until_a_moment_are_blocked_and_later_ones_are_not(
    shell: Shell,
) -> None:
    shell("block", *THIEF, "--issued-before", "2027-01-01T00:00:00")
    moment_ms = instant_ms("2027-01-01T00:00:00")

    assert blocks_of(shell).revoking("truck", "T-1", Token("a", moment_ms - 1), NOW_MS)
    assert not blocks_of(shell).revoking("truck", "T-1", Token("a", moment_ms), NOW_MS)


def test_one_token_is_blocked_by_its_id(shell: Shell) -> None:
    code, output = shell("block", "--token", "jti-7", "--reason", "leaked")

    assert code == 0
    assert "blocked token:jti-7, " in output
    assert blocks_of(shell).revoking("dispatcher", "ann", Token("jti-7", 0), NOW_MS)


@pytest.mark.parametrize("subject", [("--customer", "C-1"), ("--dispatcher", "ann@example.com")])
def test_unblocking_lifts_the_block(shell: Shell, subject: tuple[str, str]) -> None:
    shell("block", *subject, "--reason", "a test", "--until", "2030-01-01")
    lifted = shell("unblock", *subject)
    again = shell("unblock", *subject)

    assert lifted[0] == again[0] == 0
    assert "unblocked" in lifted[1]
    assert "was not blocked" in again[1]
    assert not shell.blocks.blocks


def test_the_list_shows_what_is_blocked_why_and_until_when(shell: Shell) -> None:
    nothing = shell("blocked")
    shell("block", *THIEF, "--until", "2030-01-01")
    _, output = shell("blocked")

    assert nothing == (0, "nothing is blocked")
    assert output == "truck:T-1, until 2030-01-01T00:00:00.000Z: revoked, phone stolen"


@pytest.mark.parametrize(
    "arguments",
    [
        (*THIEF, "--until", "2020-01-01"),
        ("--token", "jti-7", "--reason", "x", "--issued-before", "now"),
    ],
)
def test_a_block_without_an_effect_is_rejected(shell: Shell, arguments: tuple[str, ...]) -> None:
    code, output = shell("block", *arguments)

    assert code == 1
    assert output.startswith("refused: ")
    assert not shell.blocks.blocks


@pytest.mark.parametrize(
    "arguments",
    [
        ("--reason", "which one?"),
        ("--truck", "T-1"),
        ("--truck", "T-1", "--customer", "C-1", "--reason", "both"),
        ("--truck", "", "--reason", "x"),
        ("--truck", "T-1", "--reason", " "),
    ],
)
def test_a_block_requires_exactly_one_subject_and_a_reason(
    shell: Shell, arguments: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit) as ended:
        shell("block", *arguments)

    assert ended.value.code == 2


@pytest.mark.parametrize("command", ["replay-failed-messages", "replay-set-aside"])
def test_without_ingest_over_iot_core_there_is_nothing_to_replay(
    shell: Shell, command: str
) -> None:
    code, output = shell(command)

    assert code == 1
    assert output.startswith("refused")


@pytest.mark.parametrize(("trouble", "code"), [(None, 0), (FailSome([0]), 1)])
def test_messages_that_the_rule_could_not_write_are_replayed(
    shell: Shell, trouble: FailSome | None, code: int
) -> None:
    failed = FakeFailedMessages()
    failed.send(
        '{"topic":"trucks/T-1/telemetry","base64OriginalPayload":"e30="}', sent_at_ms=NOW_MS
    )
    stream = DeviceStream(FakeStream([trouble]), "device-messages")
    shell.failed_messages = FailedMessageStores(queue=failed, stream=stream)
    exit_code, output = shell("replay-failed-messages")

    assert exit_code == code
    assert output.startswith(f"replayed {1 - code} messages; stay: 0")


@pytest.mark.parametrize(
    ("body", "trouble", "code", "summary"),
    [
        (invocation(device_message("T-1")), None, 0, "replayed 1 messages of 1 objects"),
        (invocation(device_message("T-1")), FailSome([0]), 1, "replayed 0 messages of 0 objects; "),
        (b"{", None, 1, "replayed 0 messages of 0 objects; stay"),
    ],
    ids=["accepted", "not-accepted", "broken"],
)
def test_batches_that_lambda_set_aside_are_replayed(
    shell: Shell, body: bytes, trouble: FailSome | None, code: int, summary: str
) -> None:
    shell.world.parked_bucket.put_object(Key="aws/lambda/m/s/1", Body=body)
    stream = DeviceStream(FakeStream([trouble]), "device-messages")
    shell.failed_messages = FailedMessageStores(queue=FakeFailedMessages(), stream=stream)
    exit_code, output = shell("replay-set-aside")

    assert exit_code == code
    assert output.startswith(summary)
