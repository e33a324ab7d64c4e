"""Sensors that results are stored on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from marshmallow import fields

from flexmeasures.data.schemas.scheduling.references import SensorOnlySchema, name_of
from flexmeasures.data.schemas.scheduling.values import Kind, VariableField
from flexmeasures.data.schemas.utils import FMValidationError

if TYPE_CHECKING:
    from flexmeasures.data.models.time_series import Sensor


def _refuse(reason: str) -> FMValidationError:
    return FMValidationError({"sensor": [reason]})


def records_power(sensor: Sensor) -> bool:
    """Energy per event is power, too."""
    return sensor.measures_power or (sensor.measures_energy and bool(sensor.event_resolution))


class PowerOutputField(fields.Field[Any]):
    """`{"sensor": id}` of a sensor of power (or of energy per event); it becomes the sensor."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        sensor = SensorOnlySchema().load(value)["sensor"]
        if not records_power(sensor):
            raise _refuse(f"{name_of(sensor)} should be in a unit of power, not {sensor.unit}.")
        return sensor


class StateOfChargeField(VariableField):
    """`{"sensor": id}` of a sensor of instants, in a unit of energy or %; or moments.

    The former becomes the sensor, the latter segments.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(Kind.ENERGY, numbers=True, **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        if isinstance(value, (list, tuple)):
            return super()._deserialize(value, attr, data, **kwargs)
        sensor = SensorOnlySchema().load(value)["sensor"]
        if not sensor.measures_energy and sensor.unit != "%":
            raise _refuse(
                f"{name_of(sensor)} should be in a unit of energy or in %, not {sensor.unit}."
            )
        if sensor.event_resolution:
            raise _refuse(f"{name_of(sensor)} should record instants (a resolution of PT0M).")
        return sensor
