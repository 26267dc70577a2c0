"""Everything that knows OpenSearch: what the indexes are, who writes them, who reads them."""
