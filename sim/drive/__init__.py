"""The driver test and the demo: trucks, their customers and intruders against a running system.

``simulated_truck`` is one truck with its driver and its customer; ``intruders`` try to view
deliveries of others; ``stores`` queries OpenSearch; ``verdict`` evaluates the evidence (pure);
``five_trucks`` runs the driver test and ``demo`` the demo.
"""
