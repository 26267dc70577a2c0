"""``python -m bench.baselines.sample_consumer``: consuming as the KCL's official sample does it.

The structure is that of `amazon_kclpy`'s ``samples/sample_kclpy_app.py``: a loop over the batch's
records, each decoded and processed by itself, and a checkpoint at intervals with retries. The
processing is what a user would fill in: decode the JSON, index the document. No enrichment.

Unlike the sample it does not swallow errors: a benchmark must not be faster because it loses
records.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

from amazon_kclpy import kcl
from amazon_kclpy.v3 import processor
from opensearchpy import OpenSearch

from rtdts.runtime.logs import get_logger

CHECKPOINT_EVERY_S = 60.0
INDEX = "bench-sample"


class SampleProcessor(processor.RecordProcessorBase):  # type: ignore[misc] # it ships no types
    """One shard."""

    def __init__(self) -> None:
        self._log = get_logger("sample")
        self._client = OpenSearch(hosts=[os.environ["OPENSEARCH_URL"]])
        self._checkpointed_at_s = time.monotonic()

    def initialize(self, initialize_input: Any) -> None:
        """Receives the shard."""
        self._log.info("record_processor_ready", shard_id=initialize_input.shard_id)

    def process_records(self, process_records_input: Any) -> None:
        """Indexes record by record."""
        records = process_records_input.records
        started_s = time.monotonic()
        try:
            for record in records:
                document = json.loads(record.binary_data)
                self._client.index(index=INDEX, body=document)
        except Exception as error:
            self._log.exception("batch_failed", error)
            raise SystemExit(1) from error
        if records:
            duration_ms = round((time.monotonic() - started_s) * 1_000, 1)
            self._log.info("batch", points=len(records), duration_ms=duration_ms)
        if time.monotonic() - self._checkpointed_at_s > CHECKPOINT_EVERY_S:
            process_records_input.checkpointer.checkpoint()
            self._checkpointed_at_s = time.monotonic()

    def lease_lost(self, lease_lost_input: Any) -> None:
        """Nothing to do."""

    def shard_ended(self, shard_ended_input: Any) -> None:
        """The shard has ended."""
        shard_ended_input.checkpointer.checkpoint()

    def shutdown_requested(self, shutdown_requested_input: Any) -> None:
        """The daemon drains."""
        shutdown_requested_input.checkpointer.checkpoint()


if __name__ == "__main__":
    protocol = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    kcl.KCLProcess(SampleProcessor(), output_file=protocol).run()
    sys.exit(0)
