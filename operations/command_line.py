"""The command line and its help."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Any, Final

from rtdts.runtime.wall_clock import now_ms
from rtdts.tracking.blocks import identity_subject, token_subject
from rtdts.tracking.identifiers import is_identifier
from rtdts.tracking.roles import CUSTOMER, DISPATCHER, ROLES, TRUCK

BLOCKED_DAYS: Final = 90
ENROLLMENT_DAYS: Final = 7
_MAX_ENROLLMENT_DAYS: Final = 366
_MAX_NAME: Final = 1_000
"""A key of DynamoDB takes 2,048 bytes."""
_MAX_REASON: Final = 500
_MAX_DEVICE_NAME: Final = 100

EXIT_CODES = (
    "Exit code: 0 when all is done that can be, 1 when it was refused or something is left (the "
    "last line says what), 2 when the command or the settings can't be used."
)
SETTINGS = (
    "It reads the settings of docs/settings.md, section operations, from its environment, and "
    "AWS's own. OpenSearch is reached from inside the VPC only: in an account, python -m "
    "deploy.run_operation --env dev -- COMMAND runs it there."
)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    whole = argparse.ArgumentParser(
        prog="python -m operations",
        description="Block a stolen token or an identity; let phones be trucks; erase a truck's or "
        "a customer's data; replay what was parked or backed up.",
        epilog=f"{SETTINGS} {EXIT_CODES}",
    )
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_block(commands)
    _add_unblock(commands)
    _add_blocked(commands)
    _add_device(commands)
    _add_erase(commands)
    _add_replay_parked(commands)
    _add_replay_backup(commands)
    _add_replay_failed_messages(commands)
    _add_replay_set_aside(commands)
    return whole


def _add_block(commands: argparse._SubParsersAction[Any]) -> None:
    block = commands.add_parser(
        "block",
        help="revoke a token, or an identity with all its tokens",
        description="From at most 15 s after it on, every Lambda returns 401 and open sockets get "
        "nothing more. Of an identity --issued-before blocks the tokens issued until then "
        "and lets new ones in: the usual step after a token was stolen. The identity provider must "
        "stop issuing tokens to the thief; docs/security.md says in which order.",
        epilog=EXIT_CODES,
    )
    _add_subject(block)
    block.add_argument(
        "--issued-before",
        dest="issued_before_ms",
        type=_instant_or_now_ms,
        metavar="TIME",
        help="only tokens issued before then (claim iat); 'now' for all that there are",
    )
    block.add_argument(
        "--until",
        dest="until_ms",
        type=instant_ms,
        metavar="TIME",
        help=f"when the block ends: later than the tokens do (in {BLOCKED_DAYS} days)",
    )
    block.add_argument("--reason", type=_reason, required=True, help="shown in the list of blocks")


def _add_unblock(commands: argparse._SubParsersAction[Any]) -> None:
    unblock = commands.add_parser(
        "unblock",
        help="lift the block of a token or an identity",
        description="Lifts what block has blocked, and a truck's block for its quota, which ends "
        "by itself within minutes.",
        epilog=EXIT_CODES,
    )
    _add_subject(unblock)


def _add_blocked(commands: argparse._SubParsersAction[Any]) -> None:
    commands.add_parser(
        "blocked",
        help="list all blocks",
        description="Lists what is blocked at the moment, a line per block: by an operator "
        "(revoked), or trucks that sent more than their quota (over_quota).",
        epilog=EXIT_CODES,
    )


def _add_subject(command: argparse.ArgumentParser) -> None:
    subject = command.add_mutually_exclusive_group(required=True)
    for role, example in ((TRUCK, "T-1"), (CUSTOMER, "C-1"), (DISPATCHER, "ann")):
        subject.add_argument(
            f"--{role}", type=_name, metavar=example, help=f"a {role}, as its tokens name it"
        )
    subject.add_argument("--token", type=_name, metavar="JTI", help="one token, by its claim jti")


def subject_of(args: argparse.Namespace) -> str:
    """The subject that a command names."""
    if args.token:
        return token_subject(args.token)
    role = next(role for role in ROLES if getattr(args, role))
    return identity_subject(role, getattr(args, role))


def _add_device(commands: argparse._SubParsersAction[Any]) -> None:
    device = commands.add_parser(
        "device",
        help="let a phone report a truck's positions, or a truck's box enroll over MQTT",
        description="Adds, lists and revokes the credentials of phones (docs/phones.md), and makes "
        "the secrets by which boxes get a certificate of AWS IoT Core (docs/operations.md). These "
        "commands read AWS_REGION, DEVICE_CREDENTIALS_TABLE and SERVER_URL only, and reach "
        "DynamoDB from anywhere: run add and enroll where their output is kept in no log.",
        epilog=EXIT_CODES,
    )
    kinds = device.add_subparsers(dest="device_command", required=True, metavar="COMMAND")
    add = kinds.add_parser(
        "add",
        help="make a credential; show what to enter on the phone",
        description="Makes a credential for one phone and shows it this once: as QR codes, and as "
        "what to type into the app. A truck may have several.",
        epilog=EXIT_CODES,
    )
    add.add_argument("truck_id", type=_identity, metavar="T-1", help="the truck that the phone is")
    add.add_argument("--name", type=_device_name, default="", help="shown in the list of devices")
    add.add_argument("--url", metavar="URL", help="at which phones reach the HTTP API (SERVER_URL)")
    add.add_argument(
        "--mqtt-url",
        metavar="URL",
        help="at which phones reach an MQTT broker, such as mqtts://mqtt.example.com:8883: sets up "
        "OwnTracks for MQTT instead of HTTP",
    )
    enroll = kinds.add_parser(
        "enroll",
        help="make a secret by which a truck's box gets a certificate",
        description="Makes a secret and shows it this once: with it and the claim certificate a "
        "box gets a certificate of AWS IoT Core that is this truck's, and no other. It is good for "
        "one key of its own; what proved with it before keeps its certificate.",
        epilog=EXIT_CODES,
    )
    enroll.add_argument("truck_id", type=_identity, metavar="T-1", help="the truck of the box")
    enroll.add_argument(
        "--days",
        type=_days,
        default=ENROLLMENT_DAYS,
        metavar="N",
        help="how long it is good, unless it is used before (%(default)d)",
    )
    listing = kinds.add_parser(
        "list", help="list all devices, or a truck's", epilog=EXIT_CODES, description="A line each."
    )
    listing.add_argument("truck_id", type=_identity, nargs="?", metavar="T-1", help="of this truck")
    revoke = kinds.add_parser(
        "revoke",
        help="revoke a truck's devices, or one of them",
        description="Deletes the credentials: from at most 15 s after it on, they get 401.",
        epilog=EXIT_CODES,
    )
    revoke.add_argument("truck_id", type=_identity, metavar="T-1", help="the truck of the devices")
    revoke.add_argument("--device", metavar="ID", help="this one only, as list names it")


def _add_erase(commands: argparse._SubParsersAction[Any]) -> None:
    erase = commands.add_parser(
        "erase",
        help="erase what is kept of a truck or a customer",
        description="Erases where a truck was (history, raw log, latest position, truck state, "
        "parked records, Firehose's backup), or a customer's deliveries, their logs and what the "
        "documents of trucks say about them. Counts what is left at the end, and fails if anything "
        "is. Killed in the middle, it may be run again. What is in the stream stays there for its "
        "retention: the last line says until when to run it once more. docs/retention.md says what "
        "it erases and what not.",
        epilog=EXIT_CODES,
    )
    subject = erase.add_mutually_exclusive_group(required=True)
    subject.add_argument("--truck", type=_identity, metavar="T-1", help="a truck's id")
    subject.add_argument("--customer", type=_identity, metavar="C-1", help="a customer's id")
    erase.add_argument(
        "--force",
        action="store_true",
        help="even if it has open deliveries (a customer's are deleted, a truck's stay), or the "
        "truck sent a point within the last 15 minutes",
    )
    _add_dry_run(erase, "count what there is, erase nothing")


def _add_replay_parked(commands: argparse._SubParsersAction[Any]) -> None:
    replay = commands.add_parser(
        "replay-parked",
        help="put parked records that can be processed now back into the stream",
        description="Reads the parked records, puts those that the consumer would accept now back "
        "into the stream under the key that they had, and removes them from the bucket (for 7 days "
        "an older version of the object still has them). The others stay, each with a line that "
        "says why. What comes back is a point like any other: a copy is recognised, a late one is "
        "indexed and changes no status beyond LATE_HORIZON_S; one received more than 30 days "
        "ago is not accepted.",
        epilog=EXIT_CODES,
    )
    replay.add_argument(
        "--since", type=instant_ms, default=0, metavar="TIME", help="only those parked since then"
    )
    replay.add_argument(
        "--prefix", default="", help="only objects whose name after rejected/ begins with this"
    )
    replay.add_argument("--reason", help="only those parked for this reason, such as unprocessable")
    _add_rate(replay)
    _add_dry_run(replay, "count, put and remove nothing")


def _add_replay_backup(commands: argparse._SubParsersAction[Any]) -> None:
    replay = commands.add_parser(
        "replay-backup",
        help="put what Firehose kept in S3 into the raw log or the stream",
        description="Into the raw log after its index was lost: into the index of each record's "
        "day of arrival; run again it overwrites what it wrote, but what Firehose had indexed "
        "itself is then there twice: delete what is left of the index first. Into the stream after "
        "the history was lost: the consumer writes it anew, up to 30 days back; Firehose writes "
        "all of it into the raw log and its backup once more.",
        epilog=f"TIME is in UTC, such as 2026-11-20 or 2026-11-20T06:30. {EXIT_CODES}",
    )
    replay.add_argument(
        "--from",
        dest="from_ms",
        type=instant_ms,
        required=True,
        metavar="TIME",
        help="objects whose oldest record arrived then or later; an object holds what came within "
        "5 minutes, so begin that much earlier",
    )
    replay.add_argument(
        "--to", dest="to_ms", type=instant_ms, required=True, metavar="TIME", help="and before then"
    )
    replay.add_argument("--into", choices=("raw", "stream"), required=True, help="where to")
    replay.add_argument(
        "--failed",
        action="store_true",
        help="only what Firehose could not index, after an outage of OpenSearch",
    )
    replay.add_argument(
        "--after",
        default="",
        metavar="KEY",
        help="continue after this object, as an earlier run printed",
    )
    _add_rate(replay)
    _add_dry_run(replay, "count, put nothing")


def _add_replay_failed_messages(commands: argparse._SubParsersAction[Any]) -> None:
    replay = commands.add_parser(
        "replay-failed-messages",
        help="put what AWS IoT Core's rule could not write into its stream again",
        description="Takes the messages that the rule's error action put into a queue, puts them "
        "into the stream that the rule writes to, and deletes them from the queue. Interrupted, it "
        "may be run again: what comes twice counts once. A message that names no truck stays in "
        "the queue, for the rest of its 14 days.",
        epilog=EXIT_CODES,
    )
    _add_message_rate(replay)


def _add_replay_set_aside(commands: argparse._SubParsersAction[Any]) -> None:
    replay = commands.add_parser(
        "replay-set-aside",
        help="put the messages over AWS IoT Core that Lambda gave up into their stream again",
        description="Reads the batches that Lambda could not have processed and set aside in the "
        "bucket of parked records, lists them, puts their messages into the stream that they came "
        "from, and removes them from the bucket (for 7 days an older version of the object still "
        "has them). Interrupted, it may be run again: what comes twice counts once. A "
        "message keeps its time of receipt; after 30 days the consumer parks its points.",
        epilog=EXIT_CODES,
    )
    _add_message_rate(replay)
    _add_dry_run(replay, "list and count, put and remove nothing")


def _add_message_rate(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--messages-per-second",
        type=_rate,
        default=200.0,
        metavar="N",
        help="at most this many, so that live data goes first (%(default)g; a shard takes "
        "1,000 per second from all producers)",
    )


def _add_rate(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--points-per-second",
        type=_rate,
        default=500.0,
        metavar="N",
        help="at most this many, so that live data goes first (%(default)g; a shard takes "
        "1 MB per second from all producers, some 3,000 points)",
    )


def _add_dry_run(command: argparse.ArgumentParser, what: str) -> None:
    command.add_argument("--dry-run", action="store_true", help=what)


def instant_ms(text: str) -> int:
    """Parses a typed time, in UTC unless it names a zone; returns epoch milliseconds.

    Raises:
        argparse.ArgumentTypeError: It isn't one.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time: 2026-11-20, 2026-11-20T06:30 or 2026-11-20T06:30:00+01:00"
        ) from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _identity(text: str) -> str:
    if not is_identifier(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no id: 1 to 64 of A-Z a-z 0-9 . _ -")
    return text


def _instant_or_now_ms(text: str) -> int:
    return now_ms() if text == "now" else instant_ms(text)


def _name(text: str) -> str:
    if not text or len(text) > _MAX_NAME or not text.isprintable():
        raise argparse.ArgumentTypeError(f"{text!r} is in no token")
    return text


def _device_name(text: str) -> str:
    if len(text) > _MAX_DEVICE_NAME or not text.isprintable():
        raise argparse.ArgumentTypeError(f"at most {_MAX_DEVICE_NAME} printable characters, please")
    return text


def _reason(text: str) -> str:
    if not text.strip() or len(text) > _MAX_REASON:
        raise argparse.ArgumentTypeError(f"1 to {_MAX_REASON} characters, please")
    return text


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MAX_ENROLLMENT_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r}: 1 to {_MAX_ENROLLMENT_DAYS} days, please")
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no rate: a number above 0")
    return rate
