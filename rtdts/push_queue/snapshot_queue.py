"""The queue of snapshots: nudges for viewers that have just begun to track, kept separate.

They have a queue of their own, because a message can't overtake others in its queue: behind a flood
of positions a snapshot would wait for all messages that were sent before it.
"""

from __future__ import annotations

from rtdts.push_queue.nudge_queue import NudgeQueue


class SnapshotQueue(NudgeQueue):
    """Sends and receives nudges for snapshots; differs from `NudgeQueue` only in its messages."""
