"""Whether devices and what surrounds them go together, as far as that is known beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.schemas.utils import FMValidationError
from flexmeasures.scheduling.inputs import given_prices, market, power_of

if TYPE_CHECKING:
    from flexmeasures.data.models.generic_assets import GenericAsset
    from flexmeasures.scheduling.devices import DeviceModel

_CAPACITIES = ("power_capacity", "consumption_capacity", "production_capacity")
_INFLEXIBLE = ("inflexible_device_sensors", "inflexible_consumption", "inflexible_production")


def check_prices(context: Mapping[str, Any], asset: GenericAsset | None) -> None:
    """Raise ValidationError for mixed currencies; and for an asset, if it has no price."""
    prices = given_prices(context)
    if asset is not None and "consumption_price" not in prices and market(asset) is None:
        raise FMValidationError({"consumption-price": ["Missing data for required field."]})


def check_inflexible(context: Mapping[str, Any], devices: Sequence[DeviceModel]) -> None:
    """Raise ValidationError for a sensor that is scheduled and inflexible at once, or no power."""
    scheduled = {device.sensor.id for device in devices if device.sensor is not None}
    for name in _INFLEXIBLE:
        for item in context.get(name) or ():
            sensor = item if isinstance(item, Sensor) else item.sensor
            if sensor.id in scheduled:
                reason = f"Sensor {sensor.id} is to be scheduled, so it is not inflexible."
                raise FMValidationError({name.replace("_", "-"): [reason]})
    for position, sensor in enumerate(context.get("inflexible_device_sensors") or ()):
        try:
            power_of(sensor)
        except ValueError as error:
            told = {position: [str(error)]}
            raise FMValidationError({"inflexible-device-sensors": told}) from error


def check_capacities(
    context: Mapping[str, Any], asset: GenericAsset, devices: Sequence[DeviceModel]
) -> None:
    """Raise ValidationError for a device without any limit on its power."""
    if "site_power_capacity" in context or asset.attributes.get("capacity_in_mw") is not None:
        return
    for device in devices:
        if device.older or not device.has_power or device.attribute("capacity_in_mw") is not None:
            continue
        if not any(name in device.model for name in _CAPACITIES):
            raise device.refusal("power-capacity", "Missing data for required field.")


def relaxation_notes(context: Mapping[str, Any]) -> list[str]:
    """What becomes of the fields that say whether limits may be missed."""
    return [
        f"{name.replace('_', '-')} has no effect: what cannot be met is always met as far as it can"
        " be, first the limits of the site, then those of stocks, then wishes, and only then money."
        for name in context
        if name.startswith("relax_")
    ]
