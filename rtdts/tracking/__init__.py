"""The domain: values, codecs, geodesy, quality rules, the status machine, viewer messages.

Pure: nothing here reads a clock, the network, the environment or a log. msgspec is the only
third-party import. Times are whole milliseconds since the Unix epoch (``_at_ms``); RFC 3339
text exists only on the wire, inside the codecs.
"""
