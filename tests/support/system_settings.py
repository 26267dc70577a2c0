"""Settings of the tests' local cloud: its speed, and which trucks it traces."""

ROUND_INTERVAL_S = 10.0
DWELL_S = 5.0
TRACED_TRUCK = "T-traced"

LONG_TIMEOUTS = {
    "SHUTDOWN_BUDGET_S": "60",
    "RETRY_BUDGET_S": "1800",
    "KCL_CHILD_TIMEOUT_S": "3600",
    "PUT_DEADLINE_S": "20",
}
"""Time limits, so large that a slow machine does not reach them. Waits for a store outlast every
outage of the tests, and the tests' own deadlines find what hangs for ever. The consumer's grace at
SIGTERM is not among them: each stop would wait as long."""

SELDOM_POLLING = {"KCL_IDLE_MS": "500"}
"""The interval as in AWS. Polling every 200 ms, as in a demo, takes 14 % of a core."""

WITHOUT_QUOTAS = {
    "TRUCK_REQUESTS_PER_MINUTE": "60000",
    "TRUCK_POINTS_PER_MINUTE": "6000000",
    "REQUESTS_PER_MINUTE": "60000",
    "TRACK_PAGES_PER_MINUTE": "60000",
}
"""Settings for a fuzzer that sends thousands of requests as one truck, customer and dispatcher."""
