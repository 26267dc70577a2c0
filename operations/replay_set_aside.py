"""`replay-set-aside`: puts batches that Lambda could not process back into their stream.

An object is removed only when the stream has all of its messages. After a crash in between some are
put twice; the copies are recognised by their points' ids.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Final

from operations.console import Console
from operations.rate_limiter import RateLimiter
from rtdts.telemetry_stream.backup_format import BrokenObjectError
from rtdts.telemetry_stream.calls import calls_of
from rtdts.telemetry_stream.device_stream import DeviceRecord, DeviceStream
from rtdts.telemetry_stream.set_aside import SetAsideBatches
from rtdts.tracking.instants import format_instant

CALL_RECORDS: Final = 100
CALL_BYTES: Final = 1_000_000
"""Size of one call: a shard accepts 1 MB per second from all writers together, a call 5 MB."""


@dataclasses.dataclass(kw_only=True)
class SetAsideReplay:
    """The result of a replay."""

    objects: int = 0
    replayed: int = 0
    kept: int = 0
    """Objects that can't be read."""
    failed: Counter[str] = dataclasses.field(default_factory=Counter)
    """Messages that the stream did not accept, by its error code; their objects stay."""


def replay_set_aside(
    batches: SetAsideBatches,
    stream: DeviceStream,
    rate_limiter: RateLimiter,
    *,
    dry_run: bool,
    console: Console,
) -> SetAsideReplay:
    """Replays every batch, until the stream does not accept a whole one.

    Args:
        batches: The batches.
        stream: The stream that the Lambda reads.
        rate_limiter: Limits the rate of messages.
        dry_run: Whether to list and count only.
        console: Where each batch is reported.
    """
    report = SetAsideReplay()
    # List all first: the list must not change while it is read page by page.
    for entry in list(batches.entries()):
        try:
            messages = batches.messages(entry.key)
        except BrokenObjectError as error:
            report.kept += 1
            console.print_line(f"stays: {entry.key}: {error}")
            continue
        trucks = len({one.truck_id for one in messages})
        at = format_instant(entry.modified_at_ms)
        console.print_line(
            f"{entry.key}: {len(messages)} messages of {trucks} trucks, set aside {at}"
        )
        if not dry_run:
            _put(messages, stream, rate_limiter, report)
            if report.failed:
                break  # better to retry later than at once
            batches.remove(entry.key)
        report.objects += 1
        report.replayed += len(messages)
    return report


def _put(
    messages: Sequence[DeviceRecord],
    stream: DeviceStream,
    rate_limiter: RateLimiter,
    report: SetAsideReplay,
) -> None:
    for call in calls_of(
        messages, lambda one: len(one.data), max_items=CALL_RECORDS, max_bytes=CALL_BYTES
    ):
        rate_limiter.wait_for(len(call))
        codes = stream.put_messages(call)
        report.failed.update(code for code in codes if code is not None)
        if report.failed:
            return
