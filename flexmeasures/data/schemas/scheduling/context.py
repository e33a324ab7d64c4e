"""The flex-context: prices, the grid connection, and devices whose power is given."""

from __future__ import annotations

from typing import Any

from marshmallow import validate, validates_schema

from flexmeasures.data.schemas.scheduling.outputs import PowerOutputField
from flexmeasures.data.schemas.scheduling.references import Reference, name_of
from flexmeasures.data.schemas.scheduling.spelling import FlexSchema
from flexmeasures.data.schemas.scheduling.values import Kind, VariableField
from flexmeasures.data.schemas.sensors import SensorIdField
from flexmeasures.data.schemas.utils import BooleanField, BoundedList, FMValidationError

_MOST_DEVICES = 1000
_WITHIN = validate.Length(max=_MOST_DEVICES)


class SensorPowerField(VariableField):
    """A reference to a power sensor; nothing else."""

    default_error_messages = {"only_sensor": 'Expected {{"sensor": id}}.'}

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(value, dict):
            raise self.make_error("only_sensor")
        return super()._deserialize(value, *args, **kwargs)


class FlexContextSchema(FlexSchema):
    """What surrounds the devices.

    timezone : on whose calendar months and years are counted
    """

    consumption_price = VariableField(Kind.PRICE, data_key="consumption-price")
    production_price = VariableField(Kind.PRICE, data_key="production-price")
    consumption_price_sensor = SensorIdField(data_key="consumption-price-sensor")
    production_price_sensor = SensorIdField(data_key="production-price-sensor")
    site_power_capacity = VariableField(Kind.POWER, minimum=0, data_key="site-power-capacity")
    site_consumption_capacity = VariableField(
        Kind.POWER, minimum=0, data_key="site-consumption-capacity"
    )
    site_production_capacity = VariableField(
        Kind.POWER, minimum=0, data_key="site-production-capacity"
    )
    inflexible_device_sensors = BoundedList(
        SensorIdField(), data_key="inflexible-device-sensors", load_default=list, validate=_WITHIN
    )
    inflexible_consumption = BoundedList(
        SensorPowerField(Kind.POWER), data_key="inflexible-consumption", validate=_WITHIN
    )
    inflexible_production = BoundedList(
        SensorPowerField(Kind.POWER), data_key="inflexible-production", validate=_WITHIN
    )
    aggregate_consumption = PowerOutputField(data_key="aggregate-consumption")
    aggregate_production = PowerOutputField(data_key="aggregate-production")
    aggregate_power = PowerOutputField(data_key="aggregate-power")
    relax_constraints = BooleanField(data_key="relax-constraints")
    relax_soc_constraints = BooleanField(data_key="relax-soc-constraints")
    relax_site_capacity_constraints = BooleanField(data_key="relax-site-capacity-constraints")
    relax_capacity_constraints = BooleanField(data_key="relax-capacity-constraints")

    def __init__(self, *, timezone: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.timezone = timezone

    @validates_schema
    def _check_prices(self, context: dict[str, Any], **kwargs: Any) -> None:
        for name in ("consumption_price", "production_price"):
            if name in context and f"{name}_sensor" in context:
                key = name.replace("_", "-")
                raise FMValidationError(f"Not together with {key}.", f"{key}-sensor")
        buying, selling = context.get("consumption_price"), context.get("production_price")
        if buying is None or selling is None or buying.currency == selling.currency:
            return
        raise FMValidationError(
            f"Prices should share one currency: expected {buying.currency}/MWh or the like,"
            f" as in consumption-price, not {selling.currency}/MWh.",
            "production-price",
        )

    @validates_schema
    def _check_inflexible(self, context: dict[str, Any], **kwargs: Any) -> None:
        newer = [n for n in ("inflexible_consumption", "inflexible_production") if n in context]
        if newer and context.get("inflexible_device_sensors"):
            raise FMValidationError(
                f"Not together with {newer[0].replace('_', '-')}.", "inflexible-device-sensors"
            )
        seen: set[Any] = set()
        for name in newer:
            for position, reference in enumerate(context[name]):
                reason = _sign_trouble(reference, name == "inflexible_consumption")
                if reference.sensor in seen:
                    reason = f"{name_of(reference.sensor)} is listed twice."
                if reason:
                    raise FMValidationError({name.replace("_", "-"): {position: [reason]}})
                seen.add(reference.sensor)

    @validates_schema
    def _check_outputs(self, context: dict[str, Any], **kwargs: Any) -> None:
        names = ("aggregate_consumption", "aggregate_production", "aggregate_power")
        seen: dict[Any, str] = {}
        for name in (name for name in names if name in context):
            key = name.replace("_", "-")
            if context[name] in seen:
                raise FMValidationError(
                    {key: {"sensor": [f"Is the sensor of {seen[context[name]]}, too."]}}
                )
            seen[context[name]] = key


def _sign_trouble(reference: Reference, consumption: bool) -> str | None:
    """Why values of this sensor cannot be read with this sign, if so."""
    says = reference.sensor.get_attribute("consumption_is_positive")
    if says is None or bool(says) == consumption:
        return None
    return (
        f"{name_of(reference.sensor)} has the attribute consumption_is_positive: {says!r}, so its"
        f" positive values are {'production' if consumption else 'consumption'}."
    )
