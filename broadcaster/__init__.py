"""The broadcaster: pushes to each viewer every minute, and at once when something changes."""
