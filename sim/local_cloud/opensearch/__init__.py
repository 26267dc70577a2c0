"""A real OpenSearch node, started from its jars."""
