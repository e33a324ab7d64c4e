"""Devices to schedule: whose they are, and what their flex-models say once they are complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError

from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.schemas.scheduling import DeviceFlexModelSchema, StorageFlexModelSchema
from flexmeasures.data.schemas.scheduling.outputs import records_power
from flexmeasures.data.schemas.utils import FMValidationError
from flexmeasures.scheduling.storage_flex_model import (
    OLDER_KEYS,
    STOCK_KEYS,
    complete,
    complete_newer,
    spelled,
)

if TYPE_CHECKING:
    from flexmeasures.data.models.generic_assets import GenericAsset

MOST_DEVICES = 1000


@dataclass(eq=False)
class DeviceModel:
    """One device, or nothing but the stock of others.

    model : its flex-model, loaded; with a level at the start, if it has a stock of its own
    older : whether the rules are those of storage devices of old
    keeper : the device that says all about the stock that this one shares with it
    shares : whether there are others of which it is the keeper
    """

    model: dict[str, Any]
    sensor: Sensor | None
    asset: GenericAsset | None
    older: bool = False
    position: int | None = None
    assumed: dict[str, Any] = field(default_factory=dict)
    keeper: DeviceModel | None = None
    shares: bool = False

    @property
    def name(self) -> str:
        if self.sensor is not None:
            return f"sensor {self.sensor.id}"
        return "stock" if self.asset is None else f"asset {self.asset.id}"

    @property
    def owner(self) -> dict[str, int]:
        """Who it is, for reports."""
        ids = {"sensor": self.sensor, "asset": self.asset}
        found = {key: thing.id for key, thing in ids.items() if thing is not None}
        if not found and isinstance(self.soc_sensor, Sensor):
            return {"sensor": self.soc_sensor.id}
        return found

    @property
    def soc_sensor(self) -> Sensor | None:
        found = self.model.get("state_of_charge")
        return found if isinstance(found, Sensor) else None

    @property
    def has_power(self) -> bool:
        """Or is it nothing but a stock?"""
        others_use_it = self.shares or self.keeper is not None
        return self.sensor is not None or self.asset is not None or not others_use_it

    @property
    def step(self) -> timedelta | None:
        """The resolution of its power."""
        for sensor in (self.sensor, self.model.get("consumption"), self.model.get("production")):
            if sensor is not None:
                return sensor.event_resolution
        return None

    def attribute(self, name: str, default: Any = None) -> Any:
        return _attribute(self.sensor, self.asset, name, default)

    def refusal(self, field_name: str, reason: str) -> ValidationError:
        return refusal(self.position, {field_name: [reason]})


def refusal(position: int | None, errors: Any) -> ValidationError:
    """Errors of a flex-model; of one in a list, they say which one."""
    return FMValidationError(errors if position is None else {"flex-model": {position: errors}})


def _attribute(
    sensor: Sensor | None, asset: GenericAsset | None, name: str, default: Any = None
) -> Any:
    if sensor is not None:
        return sensor.get_attribute(name, default)
    return default if asset is None else asset.attributes.get(name, default)


def load_device(sent: Any, sensor: Sensor, start: datetime) -> DeviceModel:
    """The device of a sensor. Raises ValidationError and ValueError."""
    if not records_power(sensor):
        raise ValueError(f"Sensor {sensor.id} should be a power sensor, but is in {sensor.unit}.")
    schema = StorageFlexModelSchema(timezone=_timezone(sensor))
    if not isinstance(sent, Mapping):
        schema.load(sent)  # refuses it
    sent = spelled(sent)
    older = sent.keys() <= OLDER_KEYS
    fill_in = complete if older else complete_newer
    assumed = fill_in(sent, sensor.get_attribute, sensor.unit, start)
    model = schema.load(assumed | sent)
    device = DeviceModel(model, sensor, sensor.generic_asset, older, assumed=assumed)
    _check(device)
    return device


def load_devices(sent: Any, start: datetime) -> list[DeviceModel]:
    """The devices of a list of flex-models, each of which says whose it is.

    Raises ValidationError: of all entries that cannot be read, or of the first one that makes no
    sense.
    """
    entries = spelled_entries(sent)
    keepers = _keepers(entries)
    devices: list[DeviceModel] = []
    errors: dict[int, Any] = {}
    for position, entry in enumerate(entries):
        try:
            devices.append(_load_entry(entry, position, keepers[position] == position, start))
        except ValidationError as error:
            errors[position] = error.messages
        except ValueError as error:
            errors[position] = [str(error)]
    if errors:
        raise FMValidationError({"flex-model": errors})
    for position, device in enumerate(devices):
        if keepers[position] != position:
            device.keeper = devices[keepers[position]]
            device.keeper.shares = True
    for device in devices:
        _check(device)
    return devices


def spelled_entries(sent: Any) -> list[dict[str, Any]]:
    """The flex-models of a list, or a single one. Raises ValidationError."""
    entries = [sent] if isinstance(sent, Mapping) else sent
    if not isinstance(entries, (list, tuple)):
        raise FMValidationError({"flex-model": ["Not a valid list."]})
    if not entries:
        raise FMValidationError({"flex-model": ["At least one device is needed."]})
    if len(entries) > MOST_DEVICES:
        raise FMValidationError({"flex-model": [f"Longer than maximum length {MOST_DEVICES}."]})
    errors = {
        position: ["Not a valid mapping type."]
        for position, entry in enumerate(entries)
        if not isinstance(entry, Mapping)
    }
    if errors:
        raise FMValidationError({"flex-model": errors})
    return [spelled(entry) for entry in entries]


def _load_entry(
    entry: dict[str, Any], position: int, keeps_stock: bool, start: datetime
) -> DeviceModel:
    about_owner = ["sensor", "asset", "state_of_charge"]
    whose = DeviceFlexModelSchema(only=about_owner, unknown="exclude").load(entry)
    sensor, asset = whose.get("sensor"), whose.get("asset")
    if asset is None and sensor is not None:
        asset = sensor.generic_asset

    def attribute(name: str, default: Any = None) -> Any:
        return _attribute(sensor, asset, name, default)

    assumed: dict[str, Any] = {}
    if keeps_stock:
        unit = None if sensor is None else sensor.unit
        assumed = complete_newer(entry, attribute, unit, start)
    schema = DeviceFlexModelSchema(timezone=_timezone(sensor))
    model = schema.load(assumed | entry)
    return DeviceModel(model, sensor, asset, position=position, assumed=assumed)


def _timezone(sensor: Sensor | None) -> Any:
    from zoneinfo import ZoneInfo

    return None if sensor is None else ZoneInfo(sensor.timezone)


def _keepers(entries: Sequence[dict[str, Any]]) -> list[int]:
    """Which entry says all about the stock of each entry: itself, or one that shares the stock."""
    by_sensor: dict[Any, list[int]] = {}
    for position, entry in enumerate(entries):
        place = entry.get("state-of-charge")
        key = place.get("sensor") if isinstance(place, Mapping) else None
        if isinstance(key, (int, str)) and not isinstance(key, bool):
            by_sensor.setdefault(str(key), []).append(position)
    keepers = list(range(len(entries)))
    for positions in by_sensor.values():
        telling = [p for p in positions if STOCK_KEYS & entries[p].keys()] or positions[:1]
        for position in telling[1:]:
            key = min(STOCK_KEYS & entries[position].keys())
            raise refusal(
                position,
                {key: [f"Entry {telling[0]} says all about this stock; leave this out here."]},
            )
        for position in positions:
            keepers[position] = telling[0]
    return keepers


def _check(device: DeviceModel) -> None:
    model = device.model
    low, high = model.get("soc_min"), model.get("soc_max")
    if low is not None and high is not None and low > high:
        raise device.refusal("soc-max", "Must be greater than or equal to soc-min.")
    if model["soc_unit"] is None and not device.older:
        raise device.refusal("soc-unit", "Say whether numbers are in kWh or MWh.")
    percent = device.soc_sensor is not None and device.soc_sensor.unit == "%"
    keeper = device if device.keeper is None else device.keeper
    if percent and not keeper.model.get("soc_max"):
        raise device.refusal("soc-max", "A state of charge in % needs a soc-max above 0.")
    efficiency = model.get("storage_efficiency")
    if isinstance(efficiency, (float, list)) and device.step is None:
        raise device.refusal(
            "storage-efficiency", "Needs a power sensor, whose resolution is the time it is about."
        )
    for name, positive in (("consumption", True), ("production", False)):
        sensor = model.get(name)
        if sensor is None:
            continue
        says = sensor.attributes.get("consumption_is_positive")
        if says is not None and bool(says) != positive:
            raise device.refusal(
                name, f"Sensor {sensor.id} has the attribute consumption_is_positive: {says!r}."
            )
