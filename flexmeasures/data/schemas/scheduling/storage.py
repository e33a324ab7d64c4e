"""The flex-model of a storage device, or of anything else whose power can be chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, post_load, pre_load, validate, validates_schema

from flexmeasures.data.schemas.generic_assets import GenericAssetIdField
from flexmeasures.data.schemas.scheduling.outputs import (
    PowerOutputField,
    StateOfChargeField,
    records_power,
)
from flexmeasures.data.schemas.scheduling.spelling import FlexSchema
from flexmeasures.data.schemas.scheduling.values import (
    SMALLEST_EFFICIENCY,
    AmountField,
    Kind,
    VariableField,
)
from flexmeasures.data.schemas.sensors import SensorIdField
from flexmeasures.data.schemas.units import QuantityValidator
from flexmeasures.data.schemas.utils import BoundedList, FMValidationError

_MOST_COMPONENTS = 100


class StorageFlexModelSchema(FlexSchema):
    """What a device can do.

    It loads into MW, MWh and fractions, whatever the units that were sent. Values that may vary
    become variables (see `values`).

    timezone : on whose calendar months and years are counted
    """

    soc_at_start = AmountField(Kind.ENERGY, numbers=True, data_key="soc-at-start")
    soc_unit = fields.String(
        data_key="soc-unit",
        load_default=None,
        allow_none=True,
        validate=validate.OneOf(["kWh", "MWh"]),
    )
    soc_min = AmountField(Kind.ENERGY, numbers=True, data_key="soc-min", minimum=0)
    soc_max = AmountField(Kind.ENERGY, numbers=True, data_key="soc-max")
    soc_minima = VariableField(Kind.ENERGY, numbers=True, data_key="soc-minima", minimum=0)
    soc_maxima = VariableField(Kind.ENERGY, numbers=True, data_key="soc-maxima")
    soc_targets = VariableField(
        Kind.ENERGY, numbers=True, data_key="soc-targets", load_default=list
    )
    soc_gain = BoundedList(
        VariableField(Kind.POWER),
        data_key="soc-gain",
        load_default=list,
        validate=validate.Length(max=_MOST_COMPONENTS),
    )
    soc_usage = BoundedList(
        VariableField(Kind.POWER),
        data_key="soc-usage",
        load_default=list,
        validate=validate.Length(max=_MOST_COMPONENTS),
    )
    roundtrip_efficiency = AmountField(Kind.SHARE, numbers=True, data_key="roundtrip-efficiency")
    charging_efficiency = VariableField(
        Kind.SHARE,
        numbers=True,
        positive=True,
        minimum=SMALLEST_EFFICIENCY,
        data_key="charging-efficiency",
    )
    discharging_efficiency = VariableField(
        Kind.SHARE,
        numbers=True,
        positive=True,
        minimum=SMALLEST_EFFICIENCY,
        data_key="discharging-efficiency",
    )
    storage_efficiency = VariableField(Kind.SHARE, numbers=True, data_key="storage-efficiency")
    soc_value_at_end = fields.Raw(
        data_key="soc-value-at-end", allow_none=True, validate=QuantityValidator()
    )
    power_capacity = VariableField(Kind.POWER, data_key="power-capacity")
    consumption_capacity = VariableField(Kind.POWER, data_key="consumption-capacity")
    production_capacity = VariableField(Kind.POWER, data_key="production-capacity")
    prefer_charging_sooner = fields.Boolean(data_key="prefer-charging-sooner", load_default=True)
    prefer_curtailing_later = fields.Boolean(data_key="prefer-curtailing-later", load_default=True)
    state_of_charge = StateOfChargeField(data_key="state-of-charge")
    consumption = PowerOutputField()
    production = PowerOutputField()

    def __init__(self, *, timezone: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.timezone = timezone
        # What bare numbers are in, and whether that is to be known.
        self.unit_of_numbers: str | None = None
        self.lacks_unit = False

    @pre_load
    def _note_unit(self, config: Any, **kwargs: Any) -> Any:
        if isinstance(config, Mapping):
            unit = config.get("soc-unit", config.get("soc_unit"))
            self.unit_of_numbers = unit if unit in ("kWh", "MWh") else None
        return config

    @validates_schema
    def _check_efficiencies(self, model: dict[str, Any], **kwargs: Any) -> None:
        efficiency = model.get("roundtrip_efficiency")
        if efficiency is None:
            return
        if not 0 < efficiency <= 1:
            raise FMValidationError(
                "Must be greater than 0 and less than or equal to 1.", "roundtrip-efficiency"
            )
        if efficiency < SMALLEST_EFFICIENCY:
            raise FMValidationError(
                f"Must be greater than or equal to {SMALLEST_EFFICIENCY:g}.", "roundtrip-efficiency"
            )
        for name in ("charging_efficiency", "discharging_efficiency"):
            if name in model:
                raise FMValidationError(
                    f"Not together with {name.replace('_', '-')}.", "roundtrip-efficiency"
                )

    @validates_schema
    def _check_outputs(self, model: dict[str, Any], **kwargs: Any) -> None:
        if "consumption" in model and model["consumption"] is model.get("production"):
            raise FMValidationError("Consumption and production need two sensors.", "production")

    @post_load
    def _name_unit(self, model: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """All energy is in MWh now, unless nothing says what bare numbers are in."""
        return model | {"soc_unit": None if self.lacks_unit else "MWh"}


class DeviceFlexModelSchema(StorageFlexModelSchema):
    """One entry of a list of devices, which says whose it is."""

    sensor = SensorIdField()
    asset = GenericAssetIdField()

    @validates_schema
    def _check_owner(self, model: dict[str, Any], **kwargs: Any) -> None:
        sensor, asset = model.get("sensor"), model.get("asset")
        if sensor is not None and not records_power(sensor):
            raise FMValidationError(
                f"Should be a power sensor, but {sensor.id} is in {sensor.unit}.", "sensor"
            )
        if sensor is not None and asset is not None and sensor.generic_asset_id != asset.id:
            raise FMValidationError(
                f"Sensor {sensor.id} does not belong to asset {asset.id}.", "asset"
            )
        if sensor is None and asset is None and "state_of_charge" not in model:
            raise FMValidationError("Give sensor, asset or state-of-charge.", "sensor")
