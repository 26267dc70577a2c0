"""Everything that knows the Kinesis record: aggregation, putting with partial failures, parking."""
