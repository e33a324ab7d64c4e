"""Places on earth: distances, and how callers name a place.

Angles are in degrees, north and east positive.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

EARTH_RADIUS_IN_KM = 6371


def cos_rad_lat(latitude: float) -> float:
    """Cosine of a latitude."""
    return math.cos(math.radians(latitude))


def sin_rad_lat(latitude: float) -> float:
    """Sine of a latitude."""
    return math.sin(math.radians(latitude))


def rad_lng(longitude: float) -> float:
    """Longitude in radians."""
    return math.radians(longitude)


def earth_distance(location: tuple[float, float], other_location: tuple[float, float]) -> float:
    """Shortest way along the surface of a spherical earth, in km.

    Locations are (latitude, longitude).

    >>> round(earth_distance((52.374, 4.88969), (52.374, 4.88969)), 9)
    0.0
    >>> round(earth_distance((0, 0), (0, 180)) / EARTH_RADIUS_IN_KM, 6)  # half around
    3.141593
    """
    (latitude, longitude), (other_latitude, other_longitude) = location, other_location
    # The haversine formula: unlike the law of cosines it is precise for neighbours, too.
    haversine = (
        math.sin(math.radians(other_latitude - latitude) / 2) ** 2
        + cos_rad_lat(latitude)
        * cos_rad_lat(other_latitude)
        * math.sin(rad_lng(other_longitude - longitude) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_IN_KM * math.asin(math.sqrt(min(haversine, 1)))


def parse_lat_lng(kwargs: Mapping[str, Any]) -> tuple[float, float]:
    """(latitude, longitude) from any of the ways in which callers may name a place.

    Either `latitude` and `longitude`, or `lat` and `lng`, or an `object` with attributes of either
    pair or with a `location`, which is (latitude, longitude).
    """
    place = kwargs.get("object")
    for names in (("latitude", "longitude"), ("lat", "lng")):
        for latitude, longitude in (
            (kwargs.get(name) for name in names),
            (getattr(place, name, None) for name in names),
        ):
            if latitude is not None and longitude is not None:
                return float(latitude), float(longitude)
    location = getattr(place, "location", None)
    if location is not None:
        return float(location[0]), float(location[1])
    if place is not None:
        raise ValueError(f"{place!r} has no location.")
    raise ValueError("No location: pass latitude and longitude, lat and lng, or object.")
