"""Baselines: what a user would use instead of our parts, written with the same care."""
