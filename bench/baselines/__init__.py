"""What a user would pick instead of our parts, written with the same care."""
