"""Everything that knows the SQS queues: nudges, and the rounds of several broadcasters."""
