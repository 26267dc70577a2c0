"""Set-up: turns a machine with Python and make into one that can run everything.

These modules run before there is any virtual environment: they use only the standard library.
"""
