"""Everything that uses OpenSearch: the index definitions, the writers and the readers."""
