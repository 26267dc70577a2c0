"""A proxy before the local cloud or OpenSearch that makes the weather which these can't make.

    client ──▶ FaultShim ──▶ local AWS or OpenSearch
                  ▲
             FaultRule, …

`rules` says what a fault is, `requests` what a request is, `deciding` which request meets which
fault: all without I/O. `shim` acts. Whatever no rule names passes unchanged.
"""
