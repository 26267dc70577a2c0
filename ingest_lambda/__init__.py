"""``POST /telemetry`` and phones' formats: checks, stamps and puts each point, then responds."""
