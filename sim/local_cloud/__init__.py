"""The whole system on one machine, from real parts, supervised."""
