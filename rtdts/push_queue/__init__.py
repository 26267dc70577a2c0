"""Access to the SQS queues: nudges, snapshots, and the rounds that several broadcasters divide."""
