"""What a sensor cannot record, as far as attributes tell."""

from __future__ import annotations

import math

from flexmeasures.data.models.time_series import Sensor
from flexmeasures.utils.unit_utils import convert_units

LIMITLESS = (-math.inf, math.inf)


def limits_of(sensor: Sensor) -> tuple[float, float]:
    """The lowest and the highest value of a sensor of power or energy, in its unit.

    One-way devices (attributes `is_consumer` and `is_producer`) do not go beyond zero; stored
    values are production positive, unless `consumption_is_positive` says otherwise. No power
    exceeds `capacity_in_mw`, either way. Other sensors have no limits.
    """
    lower, upper = LIMITLESS
    if sensor.measures_power:
        capacity = _capacity(sensor)
        lower, upper = -capacity, capacity
    elif not sensor.measures_energy:
        return LIMITLESS
    consumes, produces = sensor.is_strictly_non_positive, sensor.is_strictly_non_negative
    if sensor.get_attribute("consumption_is_positive", False):
        consumes, produces = produces, consumes
    return (0.0 if produces else lower), (0.0 if consumes else upper)


def _capacity(sensor: Sensor) -> float:
    """In the sensor's unit; infinite unless there is one."""
    capacity = sensor.get_attribute("capacity_in_mw")
    if isinstance(capacity, bool) or not isinstance(capacity, int | float):
        return math.inf
    if not (math.isfinite(capacity) and capacity > 0):
        return math.inf
    return float(convert_units(float(capacity), "MW", sensor.unit))
