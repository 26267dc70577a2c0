"""How the local cloud of the tests runs: how fast, and whom it traces."""

ROUND_INTERVAL_S = 10.0
DWELL_S = 5.0
TRACED_TRUCK = "T-traced"
