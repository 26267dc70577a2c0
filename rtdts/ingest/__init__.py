"""Decode, judge, stamp, put: what every door for telemetry shares, whatever its protocol."""
