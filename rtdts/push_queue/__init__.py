"""Everything that uses the SQS queues: nudges, snapshots, and the broadcasters' rounds."""
