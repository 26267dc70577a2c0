"""A record's place in its shard."""

from __future__ import annotations

import msgspec


class StreamPosition(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A record's place in its shard. Compared as numbers: Kinesis may pad with zeros."""

    sequence_number: int
    sub_sequence_number: int


class ShardPosition(msgspec.Struct, frozen=True, array_like=True):
    """The record of a shard up to which something is current; its number as text (over 64 bits)."""

    shard_id: str
    sequence_number: str
    sub_sequence_number: int

    @property
    def position(self) -> StreamPosition:
        """The record's place."""
        return StreamPosition(int(self.sequence_number), self.sub_sequence_number)


def shard_position(shard_id: str, position: StreamPosition) -> ShardPosition:
    """Creates the `ShardPosition` of a record."""
    return ShardPosition(shard_id, str(position.sequence_number), position.sub_sequence_number)
