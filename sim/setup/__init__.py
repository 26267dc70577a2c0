"""Set-up: from a machine with Python and make to one that can run everything.

What is imported here runs before there is any virtual environment: the standard library only.
"""
