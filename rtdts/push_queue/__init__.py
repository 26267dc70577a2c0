"""Everything that knows the SQS queues: nudges, and later the rounds of many broadcasters."""
