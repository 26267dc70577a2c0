"""Access to OpenSearch: index definitions, documents, writers, readers and truck states.

Positions are WGS 84 degrees, distances metres (``_m``), times whole milliseconds since the Unix
epoch (``_at_ms``).
"""
