"""A proxy in front of the local cloud or OpenSearch that injects faults they can't produce.

    client ──▶ FaultShim ──▶ local AWS or OpenSearch
                  ▲
             FaultRule, …

`rules` defines faults, `requests` parses requests, and `deciding` selects the faults of a request:
all without I/O. `shim` applies them. A set of rules with its seed is called a fault plan. Requests
that no rule matches pass unchanged.
"""
