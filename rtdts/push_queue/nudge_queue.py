"""The queue of nudges: FIFO, each nudge once in five minutes.

The message group is the delivery; for a snapshot it is the delivery and the viewer.
"""

from __future__ import annotations

import msgspec

from rtdts.push_queue.fifo_queue import FifoQueue, Incoming
from rtdts.push_queue.nudges import Nudge

ReceivedNudge = Incoming[Nudge]
"""A nudge that stays invisible to other receivers until deleted or timed out."""


class NudgeQueue(FifoQueue[Nudge]):
    """Sends and receives nudges."""

    decoder = msgspec.json.Decoder(Nudge)
    malformed = "malformed_nudge"
