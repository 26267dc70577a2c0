"""Customers' sockets as an app would hold them.

``receiver`` decides what a message changes (pure), ``connection`` is the one place that knows
the websockets library, ``viewer`` keeps a connection open and tracks its deliveries on it.
"""
