"""The simulated fleet: trucks that drive real roads and report as real devices do.

Read in the order in which a point comes to be: ``route_library`` (where a truck can drive),
``polyline`` and ``speed_model`` (how fast), ``motion`` and ``trips`` (what it does when),
``device`` (what its box makes of that), ``uploader`` (how it gets to the service). All but the
uploader is pure and seeded: the same seed drives the same trip again.
"""
