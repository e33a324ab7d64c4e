from __future__ import annotations

import doctest
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures.utils import geo_utils
from flexmeasures.utils.geo_utils import earth_distance, parse_lat_lng

AMSTERDAM = (52.374, 4.88969)
locations = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


def test_examples_in_docstrings() -> None:
    assert not doctest.testmod(geo_utils).failed


def test_known_distances() -> None:
    assert earth_distance(AMSTERDAM, (51.9225, 4.47917)) == pytest.approx(
        57.6, abs=0.2
    )  # Rotterdam
    assert earth_distance((0, 0), (1, 0)) == pytest.approx(111.19, abs=0.01)
    assert earth_distance((10, 179.5), (10, -179.5)) == pytest.approx(109.5, abs=0.1)
    # some ten metres apart
    assert earth_distance((52, 4), (52.0001, 4)) == pytest.approx(0.01112, abs=1e-5)


@given(locations, locations)
def test_distances_are_symmetric_and_at_most_half_around(
    one: tuple[float, float], other: tuple[float, float]
) -> None:
    distance = earth_distance(one, other)
    assert 0 <= distance <= 20015.1
    assert distance == pytest.approx(earth_distance(other, one), abs=1e-6)


@pytest.mark.parametrize(
    "place",
    [
        {"latitude": 52.374, "longitude": 4.88969},
        {"lat": "52.374", "lng": "4.88969"},
        {"object": SimpleNamespace(latitude=52.374, longitude=4.88969)},
        {"object": SimpleNamespace(lat=52.374, lng=4.88969)},
        {"object": SimpleNamespace(location=AMSTERDAM)},
    ],
)
def test_ways_to_name_a_place(place: dict[str, Any]) -> None:
    assert parse_lat_lng(place) == AMSTERDAM


def test_zero_is_a_coordinate() -> None:
    assert parse_lat_lng({"latitude": 0, "longitude": 0}) == (0, 0)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ({"latitude": 52}, "pass latitude and longitude"),
        ({}, "pass latitude and longitude"),
        ({"object": SimpleNamespace(location=None)}, "has no location"),
    ],
)
def test_no_place(place: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_lat_lng(place)
