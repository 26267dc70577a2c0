"""The one-shot Lambda that prepares OpenSearch before any part of ours may write to it."""
