"""The viewers' socket: its authorizer, and the routes of its messages."""
