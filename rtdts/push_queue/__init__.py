"""Everything that knows the SQS queues: nudges, snapshots, and the rounds of broadcasters."""
