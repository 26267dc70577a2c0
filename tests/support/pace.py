"""How fast the local cloud of the tests goes."""

ROUND_INTERVAL_S = 10.0
DWELL_S = 5.0
