"""Process plumbing: settings, logs, metrics, deadlines, backoff, AWS clients."""
