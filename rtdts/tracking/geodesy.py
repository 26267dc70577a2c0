"""Distances and directions on the sphere: good to 0.6 % of the ellipsoid, and much faster."""

from __future__ import annotations

from math import asin, atan2, cos, degrees, radians, sin, sqrt

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius R1 of WGS 84 (IUGG)."""


def distance_m(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Returns the great-circle distance in metres, by the haversine formula (stable if small)."""
    phi, other_phi = radians(lat), radians(other_lat)
    half_dphi = (other_phi - phi) / 2.0
    half_dlambda = radians(other_lon - lon) / 2.0
    h = sin(half_dphi) ** 2 + cos(phi) * cos(other_phi) * sin(half_dlambda) ** 2
    root = sqrt(h)
    # Rounding may push the root beyond 1 for antipodes, where asin would raise. min() is not used,
    # because it would take a quarter of this function's time.
    return 2.0 * EARTH_RADIUS_M * asin(root if root < 1.0 else 1.0)


def bearing_deg(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Returns the great circle's initial bearing to the other place: degrees clockwise from north.

    It is in ``[0, 360)``, and 0 when both places are the same.
    """
    phi, other_phi = radians(lat), radians(other_lat)
    dlambda = radians(other_lon - lon)
    east = sin(dlambda) * cos(other_phi)
    north = cos(phi) * sin(other_phi) - sin(phi) * cos(other_phi) * cos(dlambda)
    bearing = degrees(atan2(east, north)) % 360.0
    # The modulo of a tiny negative angle is 360.0 itself.
    return 0.0 if bearing == 360.0 else bearing
