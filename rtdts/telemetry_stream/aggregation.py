"""The KPL's aggregated record format: many user records inside one Kinesis record.

Kinesis' costs and limits depend on the number of records long before their bytes matter. The KCL
and Firehose split aggregates by themselves. The format (from the KPL's ``aggregation-format.md``)::

    F3 89 9A C2 | protobuf message | md5 of the message

    message AggregatedRecord {
      repeated string partition_key_table     = 1;
      repeated string explicit_hash_key_table = 2;
      repeated Record records                 = 3;
    }
    message Record {
      required uint64 partition_key_index     = 1;
      optional uint64 explicit_hash_key_index = 2;
      required bytes  data                    = 3;
      repeated Tag    tags                    = 4;
    }

Our aggregates hold only the partition key with which they are put: the KCL silently discards an
aggregate in which one key hashes outside its shard.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import md5

MAGIC = b"\xf3\x89\x9a\xc2"
DIGEST_BYTES = 16

_KEY_TABLE_TAG = b"\x0a"  # field 1, length-delimited
_RECORD_TAG = b"\x1a"  # field 3, length-delimited
_RECORD_HEAD = b"\x08\x00\x1a"  # partition_key_index = 0, then field 3 (data), length-delimited


def aggregate(partition_key: str, payloads: Sequence[bytes]) -> bytes:
    """Puts the payloads, in their order, into one aggregated record of one partition key.

    Its size is at most ``aggregated_size`` of the same arguments.
    """
    key = partition_key.encode()
    parts = [_KEY_TABLE_TAG, _varint(len(key)), key]
    for payload in payloads:
        size = len(payload)
        head = _RECORD_HEAD + _varint(size)
        parts += (_RECORD_TAG, _varint(len(head) + size), head, payload)
    message = b"".join(parts)
    return b"".join((MAGIC, message, digest(message)))


def aggregated_size(partition_key: str, payload_sizes: Sequence[int]) -> int:
    """Returns an upper bound of the size in bytes of the aggregate of payloads of these sizes."""
    # A tag and three varints of at most 5 bytes (sizes below 2**35) around each payload.
    fixed = len(MAGIC) + DIGEST_BYTES + 6 + len(partition_key.encode())
    return fixed + sum(payload_sizes) + 14 * len(payload_sizes)


def _varint(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    if value < 0x4000:
        return bytes((value & 0x7F | 0x80, value >> 7))
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def digest(message: bytes) -> bytes:
    """Returns the checksum that ends an aggregate."""
    return md5(message, usedforsecurity=False).digest()  # the format's checksum, no secret
