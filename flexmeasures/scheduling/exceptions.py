"""What can be missing when a schedule is to be made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexmeasures.data.models.validation_utils import (
    MissingAttributeException,
    WrongTypeAttributeException,
)

if TYPE_CHECKING:
    from flexmeasures.data.models.time_series import Sensor

__all__ = [
    "MissingAttributeException",
    "UnknownForecastException",
    "UnknownMarketException",
    "UnknownPricesException",
    "WrongTypeAttributeException",
]


class UnknownMarketException(Exception):
    """No price sensor is given, and none is known for the sensor to schedule."""


class UnknownForecastException(Exception):
    """No forecast is known anywhere in the planning window."""


class UnknownPricesException(Exception):
    """No price is known anywhere in the planning window."""

    def __init__(self, sensor: Sensor | str) -> None:
        if isinstance(sensor, str):
            super().__init__(sensor)
        else:
            super().__init__(f"Prices unknown for planning window. (sensor {sensor.id})")
