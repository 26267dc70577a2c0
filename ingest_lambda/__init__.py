"""``POST /telemetry``: checks and stamps each point, puts it into the stream, then answers."""
