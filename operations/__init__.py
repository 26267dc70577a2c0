"""Operators' commands on a running system: `python -m operations --help`."""
