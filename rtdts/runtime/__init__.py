"""What every process needs: settings, logs, metrics, deadlines, backoff, AWS clients."""
