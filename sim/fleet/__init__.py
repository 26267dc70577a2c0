"""The simulated fleet: trucks that drive real roads and report as real devices do.

The modules in the order of a point's life: ``route_library`` (where a truck can drive),
``polyline`` and ``speed_model`` (how fast), ``motion`` and ``trips`` (what it does when),
``device`` (what its device measures), ``uploader`` (how points get to the service). All but the
uploader are pure and seeded: the same seed repeats the same trip.
"""
