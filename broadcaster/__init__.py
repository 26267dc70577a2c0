"""The broadcaster: sends each viewer a message every minute, and at once when something changes."""
