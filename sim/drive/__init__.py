"""The driver test and the demo: trucks, their customers and intruders against a running system.

``crew`` is one truck with its driver and its customer; ``intruders`` try to see what is not
theirs; ``stores`` looks into OpenSearch; ``verdict`` judges what was gathered (pure);
``five_trucks`` runs a drive and ``demo`` shows one.
"""
