"""Access to the DynamoDB tables: deliveries, matches, shares, subscriptions, tickets, devices.

The stores are synchronous: the broadcaster calls them on threads. Times are whole milliseconds
since the Unix epoch (``_at_ms``).
"""
