"""What a user would pick instead of ours, written as well as ours."""
