"""The broadcaster: every minute, and at once when something changed, each viewer's push."""
