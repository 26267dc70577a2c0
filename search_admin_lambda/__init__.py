"""The one-shot Lambda that prepares OpenSearch before anything of ours may write to it."""
