"""The local Kinesis and SQS search for expired entries once per second, not on every request."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.support.corrected_ministack import CORRECTED
from tests.support.ministack_process import required_ministack

COUNT_LOOKS = """
import json, runpy, sys, time
from ministack.services import kinesis, sqs

corrected = runpy.run_path(sys.argv[1])
if sys.argv[2] == "corrected":
    corrected["correct"]()

class Counted(dict):
    looks = 0
    def items(self):
        Counted.looks += 1
        return super().items()

kinesis._shard_iterators = Counted(old={"created_at": 0.0}, new={"created_at": time.time()})
for _ in range(50):
    kinesis._expire_iterators()
records = [{"ApproximateArrivalTimestamp": 0.0}, {"ApproximateArrivalTimestamp": time.time()}]
stream = {"RetentionPeriodHours": 24, "shards": {"s": {"records": records}}}
kinesis._expire_records(stream)
first = stream["shards"]["s"]["records"]
kinesis._expire_records(stream)
again = stream["shards"]["s"]["records"] is not first
queue = {"dedup_cache": {"old": {"expire": 0.0}, "new": {"expire": time.time() + 300}}}
sqs._prune_dedup(queue)
kept = queue["dedup_cache"]
sqs._prune_dedup(queue)
print(json.dumps({"ids": list(kept), "ids again": queue["dedup_cache"] is not kept,
                  "looks": Counted.looks, "iterators": list(kinesis._shard_iterators),
                  "records": len(first), "again": again}))
"""


def looked(program: Path, which: str) -> dict[str, Any]:
    done = subprocess.run(
        [str(program.with_name("python")), "-c", COUNT_LOOKS, str(CORRECTED), which],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_expired_entries_are_searched_for_at_most_once_per_second() -> None:
    program = required_ministack()

    corrected, plain = looked(program, "corrected"), looked(program, "plain")

    kept = {"iterators": ["new"], "records": 1, "ids": ["new"]}
    assert corrected == {"looks": 1, "again": False, "ids again": False, **kept}
    assert plain == {"looks": 50, "again": True, "ids again": True, **kept}, (
        "the correction is no longer needed"
    )
