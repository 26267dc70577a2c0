"""Customers' sockets as an app would hold them.

``customer`` is an app that uses the client library. ``viewer`` is for tests that need one socket of
their own: ``connection`` opens it. ``receiver`` keeps what either received, as evidence.
"""
