"""Places on the sphere that `rtdts.tracking.geodesy` measures on."""

from __future__ import annotations

from math import asin, atan2, cos, degrees, radians, sin

from rtdts.tracking.geodesy import EARTH_RADIUS_M


def place_at(lat: float, lon: float, bearing: float, distance: float) -> tuple[float, float]:
    """Returns the place ``distance`` metres along the great circle at ``bearing`` degrees.

    Returns:
        Latitude and longitude in degrees, the longitude in ``[-180, 180)``.
    """
    phi, theta, delta = radians(lat), radians(bearing), distance / EARTH_RADIUS_M
    sin_phi = sin(phi) * cos(delta) + cos(phi) * sin(delta) * cos(theta)
    other_phi = asin(max(-1.0, min(1.0, sin_phi)))
    dlambda = atan2(sin(theta) * sin(delta) * cos(phi), cos(delta) - sin(phi) * sin_phi)
    return degrees(other_phi), (lon + degrees(dlambda) + 180.0) % 360.0 - 180.0
