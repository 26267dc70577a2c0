"""Customers' sockets, as an app keeps them open.

``customer`` is an app that uses the client library. ``viewer`` is for tests that need a single
socket, which ``connection`` opens. ``receiver`` keeps what both receive, as evidence.
"""
