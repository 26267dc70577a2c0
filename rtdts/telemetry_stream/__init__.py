"""Everything that uses Kinesis records: aggregation, putting with partial failures, parking."""
