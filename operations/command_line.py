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
"""DynamoDB limits a key to 2,048 bytes."""
_MAX_REASON: Final = 500
_MAX_DEVICE_NAME: Final = 100

EXIT_CODES = (
    "Exit code: 0 if everything that can be done was done, 1 if the command was refused or "
    "something is left (the last line names it), 2 if the command or the settings are invalid."
)
SETTINGS = (
    "The commands read the settings in docs/settings.md, section operations, and the AWS SDK's "
    "variables from the environment. OpenSearch can be reached only from inside the VPC: in an "
    "account, use python -m deploy.run_operation --env dev -- COMMAND."
)


class _Command(argparse.ArgumentParser):
    """A command; its help ends with the exit codes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"epilog": EXIT_CODES} | options)


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the whole command line."""
    whole = argparse.ArgumentParser(
        prog="python -m operations",
        description="Commands for operators: block a stolen token or an identity, set up phones "
        "as trucks, erase the data of a truck or a customer, and replay parked or backed-up "
        "records.",
        epilog=f"{SETTINGS} {EXIT_CODES}",
    )
    commands = whole.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=_Command
    )
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
        description="Within 15 s, every Lambda returns 401 and open sockets receive nothing "
        "more. With --issued-before, an identity's older tokens are blocked and new ones work: "
        "this is the usual step after a token was stolen. First make the identity provider stop "
        "issuing tokens to the thief (see docs/security.md).",
    )
    _add_subject(block)
    block.add_argument(
        "--issued-before",
        dest="issued_before_ms",
        type=_instant_or_now_ms,
        metavar="TIME",
        help="block only tokens issued before this time (claim iat); 'now' for all existing tokens",
    )
    block.add_argument(
        "--until",
        dest="until_ms",
        type=instant_ms,
        metavar="TIME",
        help=f"end of the block; must be after the tokens expire (default: in {BLOCKED_DAYS} days)",
    )
    block.add_argument("--reason", type=_reason, required=True, help="shown in the list of blocks")


def _add_unblock(commands: argparse._SubParsersAction[Any]) -> None:
    unblock = commands.add_parser(
        "unblock",
        help="lift the block of a token or an identity",
        description="Lifts a block made by the block command, or a truck's block for exceeding "
        "its quota (which otherwise ends by itself within minutes).",
    )
    _add_subject(unblock)


def _add_blocked(commands: argparse._SubParsersAction[Any]) -> None:
    commands.add_parser(
        "blocked",
        help="list all blocks",
        description="Lists all current blocks, one per line: identities and tokens that an "
        "operator blocked (revoked), and trucks that sent more than their quota (over_quota).",
    )


def _add_subject(command: argparse.ArgumentParser) -> None:
    subject = command.add_mutually_exclusive_group(required=True)
    for role, example in ((TRUCK, "T-1"), (CUSTOMER, "C-1"), (DISPATCHER, "ann")):
        subject.add_argument(
            f"--{role}", type=_name, metavar=example, help=f"a {role}, as its tokens name it"
        )
    subject.add_argument("--token", type=_name, metavar="JTI", help="one token, by its claim jti")


def subject_of(args: argparse.Namespace) -> str:
    """Returns the subject that a command names."""
    if args.token:
        return token_subject(args.token)
    role = next(role for role in ROLES if getattr(args, role))
    return identity_subject(role, getattr(args, role))


def _add_device(commands: argparse._SubParsersAction[Any]) -> None:
    device = commands.add_parser(
        "device",
        help="let a phone report a truck's positions, or a truck's box enroll in AWS IoT Core",
        description="Adds, lists and revokes the credentials of phones (docs/phones.md), and "
        "creates the secrets with which boxes get a certificate of AWS IoT Core "
        "(docs/mqtt.md). These commands read only AWS_REGION, DEVICE_CREDENTIALS_TABLE "
        "and SERVER_URL, and need only DynamoDB. Run add and enroll where no log stores their "
        "output.",
    )
    kinds = device.add_subparsers(
        dest="device_command", required=True, metavar="COMMAND", parser_class=_Command
    )
    add = kinds.add_parser(
        "add",
        help="create a credential, and show what to enter on the phone",
        description="Creates a credential for one phone and shows it once: as QR codes, and as "
        "text to type into the app. A truck may have several phones.",
    )
    add.add_argument(
        "truck_id",
        type=_identity,
        metavar="T-1",
        help="the truck whose positions the phone reports",
    )
    add.add_argument("--name", type=_device_name, default="", help="shown in the list of devices")
    add.add_argument(
        "--url", metavar="URL", help="URL at which phones reach the HTTP API (default: SERVER_URL)"
    )
    add.add_argument(
        "--mqtt-url",
        metavar="URL",
        help="URL at which phones reach an MQTT broker, such as mqtts://mqtt.example.com:8883; "
        "sets up OwnTracks for MQTT instead of HTTP",
    )
    enroll = kinds.add_parser(
        "enroll",
        help="create a secret with which a truck's box gets a certificate",
        description="Creates a secret and shows it once. With the secret and the claim "
        "certificate, a box gets an AWS IoT Core certificate for this truck only. The secret "
        "works for one key. Boxes that enrolled earlier keep their certificates.",
    )
    enroll.add_argument(
        "truck_id", type=_identity, metavar="T-1", help="the truck that the box is in"
    )
    enroll.add_argument(
        "--days",
        type=_days,
        default=ENROLLMENT_DAYS,
        metavar="N",
        help="days for which an unused secret is valid (default: %(default)d)",
    )
    listing = kinds.add_parser(
        "list",
        help="list all devices, or a truck's",
        description="Lists the devices, one per line.",
    )
    listing.add_argument(
        "truck_id", type=_identity, nargs="?", metavar="T-1", help="list only this truck's devices"
    )
    revoke = kinds.add_parser(
        "revoke",
        help="revoke a truck's devices, or one of them",
        description="Deletes the credentials. Within 15 s, requests with them get 401.",
    )
    revoke.add_argument("truck_id", type=_identity, metavar="T-1", help="the truck of the devices")
    revoke.add_argument(
        "--device", metavar="ID", help="revoke only this device (an id from device list)"
    )


def _add_erase(commands: argparse._SubParsersAction[Any]) -> None:
    erase = commands.add_parser(
        "erase",
        help="erase the stored data of a truck or a customer",
        description="Erases a truck's positions (history, raw log, latest position, truck "
        "state, parked records, Firehose's backup), or a customer's deliveries, their logs, and "
        "their traces in the trucks' documents. At the end it counts what is left, and fails if "
        "anything is. It may be run again after an interruption. The stream keeps its records "
        "until its retention ends: the last line gives the time after which to run the command "
        "once more. docs/retention.md lists what is erased and what is not.",
    )
    subject = erase.add_mutually_exclusive_group(required=True)
    subject.add_argument("--truck", type=_identity, metavar="T-1", help="a truck's id")
    subject.add_argument("--customer", type=_identity, metavar="C-1", help="a customer's id")
    erase.add_argument(
        "--force",
        action="store_true",
        help="erase even if there are open deliveries (a customer's are deleted, a truck's "
        "stay), or if the truck sent a point within the last 15 minutes",
    )
    _add_dry_run(erase, "count, but erase nothing")


def _add_replay_parked(commands: argparse._SubParsersAction[Any]) -> None:
    replay = commands.add_parser(
        "replay-parked",
        help="put parked records that can now be processed back into the stream",
        description="Puts the parked records that the consumer would now accept back into the "
        "stream, under their original keys, and deletes them from the bucket (an older version "
        "of the object remains for 7 days). The other records stay; the output gives the reason "
        "for each. Replayed points are handled like any others: duplicates are recognised, and "
        "points later than LATE_HORIZON_S are indexed but change no status. Points received "
        "more than 30 days ago are not accepted.",
    )
    replay.add_argument(
        "--since",
        type=instant_ms,
        default=0,
        metavar="TIME",
        help="only records parked at or after this time",
    )
    replay.add_argument(
        "--prefix", default="", help="only objects whose name after rejected/ has this prefix"
    )
    replay.add_argument(
        "--reason", help="only records parked for this reason, such as unprocessable"
    )
    _add_point_rate(replay)
    _add_dry_run(replay, "count, but put and delete nothing")


def _add_replay_backup(commands: argparse._SubParsersAction[Any]) -> None:
    replay = commands.add_parser(
        "replay-backup",
        help="put Firehose's backup in S3 back into the raw log or the stream",
        description="Use --into raw after an index of the raw log was lost. Each record goes "
        "into the index of its day of arrival. A second run overwrites what the first one "
        "wrote. But points that Firehose had indexed itself would be there twice, so first "
        "delete what is left of the index. Use --into stream after the history was lost. The "
        "consumer writes it again, up to 30 days back. Firehose also writes all of these "
        "records into the raw log and its backup again.",
        epilog=f"TIME is in UTC, such as 2026-11-20 or 2026-11-20T06:30. {EXIT_CODES}",
    )
    replay.add_argument(
        "--from",
        dest="from_ms",
        type=instant_ms,
        required=True,
        metavar="TIME",
        help="replay objects whose oldest record arrived at or after this time; an object "
        "contains up to 5 minutes of records, so begin that much earlier",
    )
    replay.add_argument(
        "--to",
        dest="to_ms",
        type=instant_ms,
        required=True,
        metavar="TIME",
        help="and before this time",
    )
    replay.add_argument("--into", choices=("raw", "stream"), required=True, help="the target")
    replay.add_argument(
        "--failed",
        action="store_true",
        help="only records that Firehose could not index, after an outage of OpenSearch",
    )
    replay.add_argument(
        "--after",
        default="",
        metavar="KEY",
        help="continue after this object, whose key an earlier run printed",
    )
    _add_point_rate(replay)
    _add_dry_run(replay, "count, put nothing")


def _add_replay_failed_messages(commands: argparse._SubParsersAction[Any]) -> None:
    replay = commands.add_parser(
        "replay-failed-messages",
        help="put the messages that AWS IoT Core's rule could not write into its stream",
        description="Moves the messages in the queue of the rule's error action to the stream "
        "that the rule writes to. It may be run again after an interruption: duplicates count "
        "once. A message that names no truck stays in the queue until its 14 days are over.",
    )
    _add_message_rate(replay)


def _add_replay_set_aside(commands: argparse._SubParsersAction[Any]) -> None:
    replay = commands.add_parser(
        "replay-set-aside",
        help="put messages over AWS IoT Core that Lambda set aside back into their stream",
        description="Lists the batches that could not be processed and that Lambda set aside in "
        "the bucket of parked records. Puts their messages back into the stream that they came "
        "from, and deletes the batches from the bucket (an older version of the object remains "
        "for 7 days). It may be run again after an interruption: duplicates count once. "
        "Messages keep their time of receipt; the consumer parks points that are older than 30 "
        "days.",
    )
    _add_message_rate(replay)
    _add_dry_run(replay, "list and count, but put and delete nothing")


def _add_rate(command: argparse.ArgumentParser, what: str, default: float, takes: str) -> None:
    command.add_argument(
        f"--{what}-per-second",
        type=_rate,
        default=default,
        metavar="N",
        help="maximum rate, which leaves capacity for live data (default: %(default)g; a shard "
        f"takes {takes} per second from all producers)",
    )


def _add_message_rate(command: argparse.ArgumentParser) -> None:
    _add_rate(command, "messages", 200.0, "1,000 messages")


def _add_point_rate(command: argparse.ArgumentParser) -> None:
    _add_rate(command, "points", 500.0, "1 MB, about 3,000 points,")


def _add_dry_run(command: argparse.ArgumentParser, what: str) -> None:
    command.add_argument("--dry-run", action="store_true", help=what)


def instant_ms(text: str) -> int:
    """Parses a typed time, in UTC unless it names a zone; returns epoch milliseconds.

    Raises:
        argparse.ArgumentTypeError: It isn't a time.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time: 2026-11-20, 2026-11-20T06:30 or 2026-11-20T06:30:00+01:00"
        ) from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _identity(text: str) -> str:
    if not is_identifier(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an id: 1 to 64 of A-Z a-z 0-9 . _ -")
    return text


def _instant_or_now_ms(text: str) -> int:
    return now_ms() if text == "now" else instant_ms(text)


def _name(text: str) -> str:
    if not text or len(text) > _MAX_NAME or not text.isprintable():
        raise argparse.ArgumentTypeError(f"{text!r} can't be in a token")
    return text


def _device_name(text: str) -> str:
    if len(text) > _MAX_DEVICE_NAME or not text.isprintable():
        raise argparse.ArgumentTypeError(f"must be at most {_MAX_DEVICE_NAME} printable characters")
    return text


def _reason(text: str) -> str:
    if not text.strip() or len(text) > _MAX_REASON:
        raise argparse.ArgumentTypeError(f"must be 1 to {_MAX_REASON} characters")
    return text


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MAX_ENROLLMENT_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r}: must be 1 to {_MAX_ENROLLMENT_DAYS} days")
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a rate: a number above 0")
    return rate
