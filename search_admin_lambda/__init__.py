"""Prepares OpenSearch before the first write: index templates, retention and roles."""
