"""``POST /telemetry`` and phones' own formats: checks, stamps and puts each point, then answers."""
