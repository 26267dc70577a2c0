"""The domain: points, stamping, enrichment, the rules for statuses, the right to view, messages.

Pure: nothing here reads a clock, the network, the environment or a log. msgspec is the only
third-party import.

Units are suffixes of names: metres (``_m``), seconds (``_s``), milliseconds (``_ms``), metres per
second (``_mps``), degrees (``_deg``). Times are whole milliseconds since the Unix epoch
(``_at_ms``); RFC 3339 text exists only on the wire, inside the codecs.
"""
