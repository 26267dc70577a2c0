"""What AWS takes: every planned value against its published models, and a table of our own.

The schema of Terraform's provider knows names and types. An apostrophe in a description passes it,
and stops an apply half an hour after its start.
"""
