"""From a plan to values of sensors: in their unit, at their resolution, with their sign."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from flexmeasures.data.beliefs import resample
from flexmeasures.data.beliefs.rows import microseconds
from flexmeasures.data.schemas.utils import FMValidationError
from flexmeasures.scheduling.base import Output
from flexmeasures.scheduling.devices import DeviceModel
from flexmeasures.scheduling.slots import initialize_index, is_on_grid
from flexmeasures.scheduling.variable import Grid
from flexmeasures.utils.time_utils import as_utc
from flexmeasures.utils.unit_utils import convert_units, megawatt_hours_in

if TYPE_CHECKING:
    from flexmeasures.data.models.time_series import Sensor
    from flexmeasures.scheduling.site import Planned

_AGGREGATES = ("aggregate_consumption", "aggregate_production", "aggregate_power")


def device_outputs(device: DeviceModel, planned: Planned, grid: Grid) -> Iterator[Output]:
    """Power and state of charge of a device."""
    model = device.model
    if device.has_power:
        power = planned.power_of(device)
        if device.sensor is not None:
            yield own_output(device.sensor, power, grid)
        yield from _directions(model.get("consumption"), model.get("production"), power, grid)
    sensor = device.soc_sensor
    if sensor is not None and device.keeper is None:
        levels = planned.levels_of(device)
        if levels is not None:
            yield _level_output(sensor, levels, model.get("soc_max"), grid)


def site_outputs(context: Mapping[str, Any], planned: Planned, grid: Grid) -> list[Output]:
    """Power of all together."""
    found = list(
        _directions(
            context.get("aggregate_consumption"),
            context.get("aggregate_production"),
            planned.site,
            grid,
        )
    )
    if (sensor := context.get("aggregate_power")) is not None:
        found.append(own_output(sensor, planned.site, grid))
    return found


def own_output(sensor: Sensor, power: np.ndarray, grid: Grid) -> Output:
    """Power in MW, consumption positive, with the sign that the sensor's attributes tell."""
    sign = 1 if sensor.get_attribute("consumption_is_positive", False) else -1
    return _power_output(sensor, sign * power, grid)


def _directions(
    consumption: Sensor | None, production: Sensor | None, power: np.ndarray, grid: Grid
) -> Iterator[Output]:
    both = consumption is not None and production is not None
    if consumption is not None:
        yield _power_output(consumption, np.maximum(power, 0) if both else power, grid)
    if production is not None:
        yield _power_output(production, np.maximum(-power, 0) if both else -power, grid)


def _power_output(sensor: Sensor, power: np.ndarray, grid: Grid) -> Output:
    import pandas as pd

    step = sensor.event_resolution or grid.resolution
    number = -(-(grid.resolution * grid.slots) // step)
    edges = resample.slots(as_utc(grid.start), step, number)
    values = resample.slot_values(grid.edges[:-1], power, grid.resolution, edges)
    # Adding zero turns the negative zeros of idle slots into plain ones.
    values = convert_units(values, "MW", sensor.unit, event_resolution=step) + 0.0
    index = pd.to_datetime(edges[:-1], unit="us", utc=True).tz_convert(grid.start.tzinfo)
    return Output(sensor, pd.Series(values, index=index))


def _level_output(sensor: Sensor, levels: np.ndarray, soc_max: float | None, grid: Grid) -> Output:
    import pandas as pd

    per_mwh = (
        100 / soc_max if sensor.unit == "%" and soc_max else 1 / megawatt_hours_in(sensor.unit)
    )
    index = initialize_index(grid.start, grid.end, grid.resolution, inclusive="both")
    return Output(sensor, pd.Series((levels * per_mwh).round(9) + 0.0, index=index))


@dataclass(frozen=True)
class OutputSensors:
    """All sensors that a request has results stored on."""

    devices: Sequence[DeviceModel]
    context: Mapping[str, Any]

    def check(self, start: datetime, resolution: timedelta) -> None:
        """Raise ValidationError for what cannot be stored."""
        seen: dict[int, str] = {}
        for device in self.devices:
            for name in ("sensor", "consumption", "production"):
                sensor = device.sensor if name == "sensor" else device.model.get(name)
                if sensor is None:
                    continue
                if reason := _trouble(sensor, start, resolution):
                    raise device.refusal(name, reason)
                if sensor.id in seen:
                    raise device.refusal(name, f"Sensor {sensor.id} is also {seen[sensor.id]}.")
                seen[sensor.id] = name
        for name in _AGGREGATES:
            sensor = self.context.get(name)
            if sensor is None:
                continue
            key = name.replace("_", "-")
            reason = _trouble(sensor, start, resolution) or _sign_trouble(sensor, name)
            if sensor.id in seen:
                reason = f"Sensor {sensor.id} is that of a device, too."
            if reason:
                raise FMValidationError({key: [reason]})
            seen[sensor.id] = key

    def remember_signs(self) -> None:
        """Sensors get an attribute that says which sign their values have."""
        for device in self.devices:
            for name, positive in (("consumption", True), ("production", False)):
                _remember_sign(device.model.get(name), positive)
        _remember_sign(self.context.get("aggregate_consumption"), True)
        _remember_sign(self.context.get("aggregate_production"), False)


def _remember_sign(sensor: Sensor | None, positive: bool) -> None:
    if sensor is not None and "consumption_is_positive" not in sensor.attributes:
        sensor.attributes["consumption_is_positive"] = positive


def _sign_trouble(sensor: Sensor, name: str) -> str | None:
    says = sensor.attributes.get("consumption_is_positive")
    if name == "aggregate_power" or says is None:
        return None
    if bool(says) == (name == "aggregate_consumption"):
        return None
    return f"Sensor {sensor.id} has the attribute consumption_is_positive: {says!r}."


def _trouble(sensor: Sensor, start: datetime, resolution: timedelta) -> str | None:
    """Why values at this resolution, from this start on, cannot be stored on a sensor."""
    step = sensor.event_resolution
    if not step or step == resolution:
        return None
    if microseconds(max(step, resolution)) % microseconds(min(step, resolution)):
        return (
            f"Sensor {sensor.id} records events of {step}, which do not fit slots of {resolution}."
        )
    if not is_on_grid(start, step, sensor.timezone):
        return f"Sensor {sensor.id} records events of {step}; none of them begins at the start."
    return None
