"""Checks every planned value against AWS's published models and a table of our own.

The schema of Terraform's provider checks only names and types. An apostrophe in a description
passes it, but stops an apply half an hour after its start.
"""
