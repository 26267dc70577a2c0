"""The driver test and the demo: trucks, their customers and intruders against a running system.

``crew`` is one truck with its driver and its customer; ``intruders`` try to view deliveries of
others; ``stores`` queries OpenSearch; ``verdict`` judges the evidence (pure); ``five_trucks`` runs
the driver test and ``demo`` the demo.
"""
