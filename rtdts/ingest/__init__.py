"""Decodes, validates, stamps and puts points: shared by all entry points for telemetry."""
