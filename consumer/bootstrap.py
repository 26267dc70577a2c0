"""Builds what a child of the daemon needs: the only place that reads its environment."""

from __future__ import annotations

import logging
import os
import time
import uuid
from collections.abc import Callable, Mapping

from botocore.config import Config

from consumer.checkpointing import Checkpoints
from consumer.committing import Committer, Stores
from consumer.match_cache import MatchCache
from consumer.nudging import Nudger
from consumer.pipeline import BatchPipeline
from consumer.quota import QuotaEnforcer
from consumer.record_processor import LEASE_LOST_WITHIN_FAILOVERS, METRICS, RecordProcessor
from consumer.retrying import RetryPolicy
from consumer.settings import Settings
from consumer.settling import Settler
from consumer.transitions import TransitionWriter
from consumer.truck_states import TruckStates
from rtdts.delivery_store.blocked_identities import BlockStore
from rtdts.delivery_store.deliveries import DeliveryStore
from rtdts.delivery_store.matches import MatchStore
from rtdts.position_store.client import connect_by
from rtdts.position_store.history_pages import HistoryPages
from rtdts.position_store.state import TruckStateStore
from rtdts.position_store.writer import PositionWriter
from rtdts.push_queue.nudge_queue import NudgeQueue
from rtdts.runtime import wall_clock
from rtdts.runtime.aws_clients import ONE_SHORT_ATTEMPT, aws_session
from rtdts.runtime.logs import Logger, get_logger
from rtdts.runtime.metrics import MetricWriter
from rtdts.runtime.point_trace import PointTrace
from rtdts.runtime.settings import read_settings
from rtdts.telemetry_stream.parking import Parking
from rtdts.telemetry_stream.shard_range import ANY_KEY, NO_KEY, ShardRange, ShardRanges

COMPONENT = "consumer"

# The SDK itself makes few attempts: the batch's budget decides how long to retry.
_CLIENT_CONFIG = Config(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "max_attempts": 3}
)


def build(environ: Mapping[str, str]) -> RecordProcessor:
    """Reads the settings, then makes the clients; raises as `read_settings`."""
    settings = read_settings(Settings, environ)
    log = get_logger(COMPONENT)
    trace = PointTrace(settings.trace_trucks, log)
    # opensearch-py logs every failed request with its trace; the retry budget logs one line.
    logging.getLogger("opensearch").setLevel(logging.CRITICAL)
    sleep = _sleep_while_the_daemon_lives(os.getppid(), time.sleep)
    retry_policy = RetryPolicy(settings.retry_budget_s, log=log, sleep=sleep)
    aws = aws_session(settings.region)
    dynamodb = aws.client("dynamodb", config=_CLIENT_CONFIG)
    sqs = aws.client("sqs", config=_CLIENT_CONFIG)
    s3 = aws.client("s3", config=_CLIENT_CONFIG)
    kinesis = aws.client("kinesis", config=_CLIENT_CONFIG)
    shard_ranges = ShardRanges(kinesis, settings.stream_name)
    opensearch = connect_by(settings)

    blocks = BlockStore(
        aws.client("dynamodb", config=ONE_SHORT_ATTEMPT),
        settings.blocked_identities_table,
        log=log,
    )
    parking = Parking(s3, settings.parked_bucket)

    def pipeline_of(shard_id: str) -> BatchPipeline:
        stores = Stores(
            writer=PositionWriter(opensearch),
            finder=HistoryPages(opensearch),
            nudges=NudgeQueue(sqs, settings.nudge_queue_url, log=log, sleep=sleep),
            parking=parking,
        )
        truck_states = TruckStates(
            TruckStateStore(opensearch),
            shard_id=shard_id,
            writer_id=f"{shard_id}:{uuid.uuid4().hex}",
            log=log,
            capacity=settings.cached_trucks,
        )
        committer = Committer(
            stores.writer,
            truck_states=truck_states,
            transitions=TransitionWriter(
                DeliveryStore(
                    dynamodb,
                    settings.tables,
                    closed_retention_days=settings.closed_retention_days,
                    log=log,
                    sleep=sleep,
                ),
                settings.rules.status,
                parking=parking,
                log=log,
                now_ms=wall_clock.now_ms,
                trace=trace,
            ),
            nudger=Nudger(stores.nudges, retry_policy=retry_policy, log=log),
            log=log,
        )
        shard_range = range_of(shard_id, shard_ranges, retry_policy, log)
        return BatchPipeline(
            shard_id,
            stores=stores,
            truck_states=truck_states,
            matches=MatchCache(MatchStore(dynamodb, settings.tables, log=log, sleep=sleep)),
            committer=committer,
            settler=Settler(
                shard_id,
                finder=stores.finder,
                truck_states=truck_states,
                committer=committer,
                rules=settings.rules,
                log=log,
                # If nothing is known of the shard, other workers settle what is unsettled there.
                shard_range=shard_range or NO_KEY,
            ),
            quota=QuotaEnforcer(settings.new_quota(), blocks, log=log, now_ms=wall_clock.now_ms),
            rules=settings.rules,
            retry_policy=retry_policy,
            log=log,
            trace=trace,
            shard_range=shard_range or ANY_KEY,
        )

    return RecordProcessor(
        pipeline_of=pipeline_of,
        checkpoints=Checkpoints(log=log, sleep=sleep),
        log=log,
        metrics=MetricWriter(COMPONENT, METRICS),
        lease_lost_within_s=LEASE_LOST_WITHIN_FAILOVERS * settings.failover_ms / 1_000,
    )


def range_of(
    shard_id: str, ranges: ShardRanges, retry_policy: RetryPolicy, log: Logger
) -> ShardRange | None:
    """Returns the hash key range of a shard; None when the stream no longer has the shard.

    Raises:
        RetriesExhausted: Kinesis did not respond for the whole budget.
        botocore.exceptions.ClientError: Kinesis rejected the call, and a retry can't succeed.
    """
    found = retry_policy.start().call("list shards", lambda: ranges.of_shard(shard_id))
    if found is None:  # it is older than the stream's retention, and so are its records
        log.warning("shard_unknown", shard_id=shard_id)
    return found


def _sleep_while_the_daemon_lives(
    daemon_pid: int, sleep: Callable[[float], None]
) -> Callable[[float], None]:
    """Returns a sleep that ends the process when its daemon has died.

    A child in the middle of a long wait does not read its standard input, and would continue for
    minutes beside the child of the next daemon.
    """

    def sleep_or_exit(seconds: float) -> None:
        sleep(seconds)
        if os.getppid() != daemon_pid:
            raise SystemExit(1)

    return sleep_or_exit
