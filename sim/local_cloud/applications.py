"""The deployables that are processes, and Firehose's stand-in, as parts."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from sim.environment import Environment
from sim.local_cloud.engines import plain_environment
from sim.local_cloud.parts import Part


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast the local cloud goes.

    Attributes:
        round_interval_s: How often every viewer is told, in seconds.
        dwell_s: How long a truck must stay in a geofence to have arrived, in seconds.
        firehose_interval_s: How long Firehose buffers at most, in seconds.
    """

    round_interval_s: float = 60.0
    dwell_s: float = 60.0
    firehose_interval_s: float = 5.0


def broadcaster_part(environment: Environment, pace: Pace) -> Part:
    """The broadcaster, ready when its loops run."""
    return Part(
        name="broadcaster",
        command=[sys.executable, "-m", "broadcaster"],
        environment=plain_environment()
        | environment.variables()
        | {"ROUND_INTERVAL_S": str(pace.round_interval_s), "SHUTDOWN_BUDGET_S": "6"},
        is_ready=lambda run: '"broadcaster_ready"' in run.output(),
    )


def firehose_part(environment: Environment, pace: Pace, *, position_file: Path) -> Part:
    """The stand-in for Firehose, ready when it reads the stream."""
    return Part(
        name="firehose",
        command=[sys.executable, "-m", "sim.local_cloud.firehose"],
        environment=plain_environment()
        | environment.variables()
        | {
            "FIREHOSE_INTERVAL_S": str(pace.firehose_interval_s),
            "FIREHOSE_POSITION_FILE": str(position_file),
        },
        is_ready=lambda run: '"firehose_ready"' in run.output(),
    )
