"""Access to the Kinesis stream: aggregated records, puts with partial failures, parked records.

A record has the points of one truck, whose id is the partition key.
"""
