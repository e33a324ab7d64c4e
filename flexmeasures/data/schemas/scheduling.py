"""Flex-model and flex-context: what a device can do, and what surrounds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, post_load, pre_load, validate

from flexmeasures.data.schemas.sensors import SensorIdField
from flexmeasures.data.schemas.times import AwareDateTimeField
from flexmeasures.data.schemas.units import QuantityField, QuantityValidator
from flexmeasures.data.schemas.utils import FMValidationError


def hyphenated(config: Mapping[str, Any]) -> dict[str, Any]:
    """Keys as documented; people also write them with underscores.

    >>> hyphenated({"soc_min": 1, "soc-max": 2})
    {'soc-min': 1, 'soc-max': 2}
    """
    return {str(key).replace("_", "-"): value for key, value in config.items()}


class FlexSchema(Schema):
    """A mapping with hyphenated keys, which become names with underscores."""

    @pre_load
    def _spell_keys(self, config: Any, **kwargs: Any) -> Any:
        return hyphenated(config) if isinstance(config, Mapping) else config


class SOCTargetSchema(Schema):
    """A state of charge to reach at a moment."""

    value = fields.Float(required=True)
    datetime = AwareDateTimeField(required=True)


class StorageFlexModelSchema(FlexSchema):
    """What a storage device can do.

    It loads into MWh and a fraction, whatever the unit that was sent.
    """

    soc_at_start = fields.Float(data_key="soc-at-start", required=True)
    soc_unit = fields.String(
        data_key="soc-unit",
        load_default=None,
        allow_none=True,
        validate=validate.OneOf(["kWh", "MWh"]),
    )
    soc_min = fields.Float(data_key="soc-min", required=True, validate=validate.Range(min=0))
    soc_max = fields.Float(data_key="soc-max", required=True)
    soc_targets = fields.List(
        fields.Nested(SOCTargetSchema), data_key="soc-targets", load_default=list
    )
    roundtrip_efficiency = QuantityField("%", data_key="roundtrip-efficiency", required=True)
    soc_value_at_end = fields.Raw(
        data_key="soc-value-at-end", allow_none=True, validate=QuantityValidator()
    )
    prefer_charging_sooner = fields.Boolean(data_key="prefer-charging-sooner", load_default=True)

    @post_load
    def _to_mwh(self, model: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        efficiency = float(model["roundtrip_efficiency"].to("").magnitude)
        if not 0 < efficiency <= 1:
            raise FMValidationError(
                "Must be greater than 0 and less than or equal to 1.", "roundtrip-efficiency"
            )
        per_unit = 1000 if model["soc_unit"] == "kWh" else 1
        if model["soc_unit"] == "kWh":
            model["soc_unit"] = "MWh"
        for field in ("soc_at_start", "soc_min", "soc_max"):
            model[field] /= per_unit
        for target in model["soc_targets"]:
            target["value"] /= per_unit
        return model | {"roundtrip_efficiency": efficiency}


class FlexContextSchema(FlexSchema):
    """What surrounds the devices: prices, and devices whose power is given."""

    consumption_price_sensor = SensorIdField(data_key="consumption-price-sensor")
    production_price_sensor = SensorIdField(data_key="production-price-sensor")
    inflexible_device_sensors = fields.List(
        SensorIdField(), data_key="inflexible-device-sensors", load_default=list
    )
