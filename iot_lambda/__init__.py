"""Ingests telemetry from AWS IoT Core: judges the rule's records, puts points into the stream."""
