"""`python -m operations`: a command; progress on standard error, a summary on standard output."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError
from opensearchpy.exceptions import OpenSearchException

from operations.blocking import block_lines, lift, revoke
from operations.bootstrap import Operator, build, build_device_admin
from operations.command_line import BLOCKED_DAYS, parser, subject_of
from operations.devices import (
    DeviceAdmin,
    add_device,
    enroll_device,
    list_devices,
    revoke_devices,
)
from operations.erase_customer import check_customer, count_customer, erase_customer
from operations.erase_truck import check_truck, count_truck, erase_truck
from operations.erasing import counts_text
from operations.errors import UnfinishedError, UnsafeOperationError
from operations.rate_limiter import RateLimiter
from operations.replay_backup import Span, replay_backup
from operations.replay_failed_messages import replay_failed_messages
from operations.replay_parked import ParkedFilter, replay_parked
from operations.replay_set_aside import replay_set_aside
from rtdts.delivery_store.errors import DeliveryStoreError
from rtdts.position_store.errors import PositionStoreError
from rtdts.runtime.settings import SettingsError
from rtdts.telemetry_stream.backup_format import FAILED_FOLDER, POINTS_FOLDER, BrokenObjectError
from rtdts.tracking.instants import MS_PER_DAY, format_instant

DONE, FAILED, UNUSABLE, INTERRUPTED = 0, 1, 2, 130

_UNAVAILABLE = (
    BotoCoreError,
    BrokenObjectError,
    ClientError,
    DeliveryStoreError,
    OpenSearchException,
    PositionStoreError,
)
_HOUR_MS = 3_600_000


def main(
    arguments: Sequence[str] | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    build_operator: Callable[[Mapping[str, str]], Operator] = build,
    build_device_admin: Callable[[Mapping[str, str]], DeviceAdmin] = build_device_admin,
) -> int:
    """Runs a command; returns its exit code."""
    args = parser().parse_args(arguments)
    try:
        run: Callable[[], tuple[int, str]]
        if args.command == "device":
            run = partial(_device, args, build_device_admin(environ))
        else:
            run = partial(_COMMANDS[args.command], args, build_operator(environ))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return UNUSABLE
    try:
        code, summary = run()
    except UnsafeOperationError as error:
        code, summary = FAILED, f"refused: {error}"
    except UnfinishedError as error:
        code, summary = FAILED, f"unfinished: {error}"
    except _UNAVAILABLE as error:
        code, summary = FAILED, f"failed: {error}; what was done stays done, run it again"
    except KeyboardInterrupt:
        code, summary = INTERRUPTED, "interrupted: what was done stays done, run it again"
    sys.stdout.write(f"{summary}\n")
    return code


def _device(args: argparse.Namespace, admin: DeviceAdmin) -> tuple[int, str]:
    if args.device_command == "add":
        return DONE, add_device(
            admin, args.truck_id, name=args.name, url=args.url, mqtt_url=args.mqtt_url
        )
    if args.device_command == "enroll":
        return DONE, enroll_device(admin, args.truck_id, days=args.days)
    if args.device_command == "revoke":
        return DONE, revoke_devices(admin, args.truck_id, args.device)
    return DONE, list_devices(admin, args.truck_id)


def _block(args: argparse.Namespace, operator: Operator) -> tuple[int, str]:
    now_ms = operator.now_ms()
    until_ms = now_ms + BLOCKED_DAYS * MS_PER_DAY if args.until_ms is None else args.until_ms
    if until_ms <= now_ms:
        raise UnsafeOperationError("--until lies in the past")
    if args.token and args.issued_before_ms is not None:
        raise UnsafeOperationError("one token is issued once: --issued-before is for identities")
    return DONE, revoke(
        operator.blocks,
        subject_of(args),
        until_ms=until_ms,
        issued_before_ms=args.issued_before_ms,
        reason=args.reason,
        now_ms=now_ms,
    )


def _unblock(args: argparse.Namespace, operator: Operator) -> tuple[int, str]:
    return DONE, lift(operator.blocks, subject_of(args))


def _blocked(_args: argparse.Namespace, operator: Operator) -> tuple[int, str]:
    return DONE, block_lines(operator.blocks, operator.now_ms())


def _erase(args: argparse.Namespace, operator: Operator) -> tuple[int, str]:
    return _erase_truck(args, operator) if args.truck else _erase_customer(args, operator)


def _erase_truck(args: argparse.Namespace, operator: Operator) -> tuple[int, str]:
    truck_id, stores = args.truck, operator.truck
    if args.dry_run:
        counts = count_truck(truck_id, stores, operator.console)
        return DONE, f"would erase truck {truck_id}: {counts_text(counts)}"
    if not args.force:
        check_truck(truck_id, stores, now_ms=operator.now_ms())
    hours = operator.retention.hours()
    erased = erase_truck(truck_id, stores, operator.console, now_ms=operator.now_ms)
    again_at = format_instant(operator.now_ms() + hours * _HOUR_MS)
    return DONE, (
        f"erased truck {truck_id}: {counts_text(erased)}; left: nothing. "
        f"The stream keeps its records "
        f"for {hours} h: run this once more after {again_at}"
    )


def _erase_customer(args: argparse.Namespace, operator: Operator) -> tuple[int, str]:
    customer_id, stores = args.customer, operator.customer
    if args.dry_run:
        counts = count_customer(customer_id, stores)
        return DONE, f"would erase customer {customer_id}: {counts_text(counts)}"
    if not args.force:
        check_customer(customer_id, stores)
    erased = erase_customer(customer_id, stores, operator.console)
    return DONE, f"erased customer {customer_id}: {counts_text(erased)}; left: nothing"


def _replay_parked(args: argparse.Namespace, operator: Operator) -> tuple[int, str]:
    report = replay_parked(
        operator.parked,
        operator.replayer(args.points_per_second),
        ParkedFilter(prefix=args.prefix, since_ms=args.since, reason=args.reason),
        now_ms=operator.now_ms(),
        dry_run=args.dry_run,
        console=operator.console,
    )
    did = "would replay" if args.dry_run else "replayed"
    summary = f"{did} {report.replayed} points; objects that stay: {counts_text(report.kept)}"
    if report.failed:
        return FAILED, (
            f"{summary}; the stream did not accept {report.failed} points ({report.failure}): "
            "their objects stay too, run it again"
        )
    return DONE, summary


def _replay_backup(args: argparse.Namespace, operator: Operator) -> tuple[int, str]:
    make_target = operator.into_stream if args.into == "stream" else operator.into_raw_log
    report = replay_backup(
        operator.backup,
        make_target(args.points_per_second),
        Span(
            folder=FAILED_FOLDER if args.failed else POINTS_FOLDER,
            from_ms=args.from_ms,
            to_ms=args.to_ms,
            after=args.after,
        ),
        dry_run=args.dry_run,
        console=operator.console,
    )
    did = "would replay" if args.dry_run else "replayed"
    rejected = (
        f"; left out {report.rejected} that would never be accepted" if report.rejected else ""
    )
    return DONE, (
        f"{did} {report.replayed} records of {report.objects} objects into {args.into}{rejected}"
    )


def _replay_failed_messages(args: argparse.Namespace, operator: Operator) -> tuple[int, str]:
    if operator.failed_messages is None:
        raise UnsafeOperationError("this system has no ingest endpoint over AWS IoT Core")
    rate_limiter = RateLimiter(args.messages_per_second)
    report = replay_failed_messages(operator.failed_messages, rate_limiter, operator.console)
    summary = f"replayed {report.replayed} messages; stay: {report.kept}"
    if report.failed:
        return FAILED, (
            f"{summary}; the stream did not accept {report.failed.total()} "
            f"({counts_text(report.failed)}): they stay too, run it again after 5 minutes"
        )
    return DONE, summary


def _replay_set_aside(args: argparse.Namespace, operator: Operator) -> tuple[int, str]:
    if operator.failed_messages is None:
        raise UnsafeOperationError("this system has no ingest endpoint over AWS IoT Core")
    report = replay_set_aside(
        operator.set_aside,
        operator.failed_messages.stream,
        RateLimiter(args.messages_per_second),
        dry_run=args.dry_run,
        console=operator.console,
    )
    did = "would replay" if args.dry_run else "replayed"
    summary = f"{did} {report.replayed} messages of {report.objects} objects"
    if report.failed:
        return FAILED, (
            f"{summary}; the stream did not accept {counts_text(report.failed)} "
            f"of another, which stays: "
            "run it again"
        )
    if report.kept:
        return FAILED, f"{summary}; stay, since they can't be read: {report.kept} objects"
    return DONE, summary


_COMMANDS: Mapping[str, Callable[[argparse.Namespace, Operator], tuple[int, str]]] = {
    "block": _block,
    "unblock": _unblock,
    "blocked": _blocked,
    "erase": _erase,
    "replay-parked": _replay_parked,
    "replay-backup": _replay_backup,
    "replay-failed-messages": _replay_failed_messages,
    "replay-set-aside": _replay_set_aside,
}


if __name__ == "__main__":
    sys.exit(main())
