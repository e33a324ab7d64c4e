from __future__ import annotations

from typing import Any

import pytest
from marshmallow import ValidationError

from flexmeasures.data.schemas.locations import LatitudeField, LongitudeField

TOO_FINE = "Latitudes and longitudes are limited to 7 decimal places."


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (LatitudeField, 52.374),
        (LatitudeField, "-90"),
        (LatitudeField, 90),
        (LatitudeField, 52.1234567),
        (LongitudeField, 180),
        (LongitudeField, "-179.9999999"),
    ],
)
def test_places_on_earth(field: type[Any], value: Any) -> None:
    assert field().deserialize(value) == float(value)


@pytest.mark.parametrize(
    ("field", "value", "messages"),
    [
        (LatitudeField, 90.01, ["Latitude 90.01 exceeds the maximum latitude of 90 degrees."]),
        (LatitudeField, -91, ["Latitude -91.0 exceeds the minimum latitude of -90 degrees."]),
        (LongitudeField, 300.9, ["Longitude 300.9 exceeds the maximum longitude of 180 degrees."]),
        (LongitudeField, -181, ["Longitude -181.0 exceeds the minimum longitude of -180 degrees."]),
        (LatitudeField, 52.12345678, [TOO_FINE]),
        (
            LatitudeField,
            90.12345678,
            ["Latitude 90.12345678 exceeds the maximum latitude of 90 degrees.", TOO_FINE],
        ),
        (LatitudeField, "north", ["Not a valid number."]),
        (
            LongitudeField,
            "nan",
            ["Special numeric values (nan or infinity) are not permitted."],
        ),
    ],
)
def test_places_elsewhere(field: type[Any], value: object, messages: list[str]) -> None:
    with pytest.raises(ValidationError) as caught:
        field().deserialize(value)
    assert caught.value.messages == messages
