"""Flex-models and flex-contexts of requests, completed by what assets remember."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from marshmallow import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.queries.assets import ancestors, descendants
from flexmeasures.data.schemas.ids import LARGEST_ID, id_in
from flexmeasures.data.schemas.scheduling import hyphenated

Config = dict[str, Any]

# What says the same, or cannot be said together: a key that is sent replaces these, too.
_REPLACED: dict[str, tuple[str, ...]] = {
    "consumption-price": ("consumption-price-sensor",),
    "consumption-price-sensor": ("consumption-price",),
    "production-price": ("production-price-sensor",),
    "production-price-sensor": ("production-price",),
    "inflexible-device-sensors": ("inflexible-consumption", "inflexible-production"),
    "inflexible-consumption": ("inflexible-device-sensors", "inflexible-production"),
    "inflexible-production": ("inflexible-device-sensors", "inflexible-consumption"),
    "aggregate-power": ("aggregate-consumption", "aggregate-production"),
    "aggregate-consumption": ("aggregate-power",),
    "aggregate-production": ("aggregate-power",),
    "roundtrip-efficiency": ("charging-efficiency", "discharging-efficiency"),
    "charging-efficiency": ("roundtrip-efficiency",),
    "discharging-efficiency": ("roundtrip-efficiency",),
}
_OUTPUTS_OF_DEVICE = ("sensor", "consumption", "production", "state-of-charge")
_OUTPUTS_OF_SITE = ("aggregate-power", "aggregate-consumption", "aggregate-production")
_WHOSE = ("sensor", "asset")


def over(sent: Mapping[str, Any], remembered: Mapping[str, Any]) -> Config:
    """The one laid over the other, key by key.

    >>> over({"consumption_price": "1 EUR/MWh"}, {"consumption-price-sensor": 3, "soc-min": 0})
    {'soc-min': 0, 'consumption-price': '1 EUR/MWh'}
    """
    above, below = hyphenated(sent), hyphenated(remembered)
    replaced = {key for name in above for key in (name, *_REPLACED.get(name, ()))}
    return {key: value for key, value in below.items() if key not in replaced} | above


def completed_context(asset_id: int, sent: Mapping[str, Any] | None) -> Config | None:
    """With what the asset and its ancestors remember, nearest first. None if that is nothing.

    One statement.
    """
    query = select(GenericAsset.id, GenericAsset.parent_asset_id, GenericAsset.flex_context)
    line = db.session.execute(query.where(GenericAsset.id.in_(ancestors(asset_id))))
    by_id = {id_: (parent, context) for id_, parent, context in line}
    merged = {} if sent is None else hyphenated(sent)
    remembers_something = False
    next_id: int | None = asset_id
    while next_id in by_id:
        next_id, context = by_id.pop(next_id)
        if context:
            remembers_something = True
            merged = over(merged, context)
    return None if sent is None and not remembers_something else merged


def completed_model(sensor: Sensor, sent: Mapping[str, Any] | None) -> Config | None:
    """With what the asset of this sensor remembers. None if that is nothing."""
    remembered = hyphenated(sensor.generic_asset.flex_model)
    other = id_in(remembered.get("sensor")) not in (None, sensor.id)
    if not remembered or other:  # it is about another device of the asset
        return None if sent is None else hyphenated(sent)
    return without_owner(over(sent or {}, remembered))


def completed_models(asset: GenericAsset, sent: Sequence[Mapping[str, Any]]) -> list[Config]:
    """Devices that are sent, and those that the asset and its parts remember, too.

    Raises ValidationError if one of them is not of this asset or its parts, or comes twice. Two
    statements.
    """
    query = select(GenericAsset.id, GenericAsset.flex_model)
    tree = query.where(GenericAsset.id.in_(descendants(GenericAsset.id == asset.id)))
    remembered = {
        id_: hyphenated(model) for id_, model in db.session.execute(tree.order_by(GenericAsset.id))
    }
    devices = [hyphenated(device) for device in sent]
    owners = _owners(devices)
    _check_owners(devices, owners, remembered.keys())
    completed = [
        over(device, _about(device, remembered.get(owner, {}) if owner else {}))
        for device, owner in zip(devices, owners, strict=True)
    ]
    for id_, model in remembered.items():
        if model and id_ not in owners:
            completed.append({"asset": id_} | model)
    return completed


def outputs(models: Iterable[Mapping[str, Any]], context: Mapping[str, Any] | None) -> list[Sensor]:
    """The sensors on which a plan would be stored, with their assets, as far as there are any.

    One statement.
    """
    ids = {id_in(_sensor_in(model.get(key))) for model in models for key in _OUTPUTS_OF_DEVICE}
    ids |= {id_in(_sensor_in((context or {}).get(key))) for key in _OUTPUTS_OF_SITE}
    return [*_sensors(ids).values()]


def power_sensors(devices: Iterable[Mapping[str, Any]]) -> list[Sensor]:
    """Those that devices name, with their assets. One statement."""
    return [*_sensors(id_in(device.get("sensor")) for device in devices).values()]


def without_owner(device: Mapping[str, Any]) -> Config:
    """As it is about one sensor that is named elsewhere."""
    return {key: value for key, value in device.items() if key not in _WHOSE}


def _about(device: Config, remembered: Config) -> Config:
    """What is remembered, unless it is about another sensor of the same asset."""
    theirs, ours = id_in(remembered.get("sensor")), id_in(device.get("sensor"))
    return {} if None not in (theirs, ours) and theirs != ours else remembered


def _owners(devices: Sequence[Config]) -> list[int | None]:
    """Ids of the assets of devices; None where there is no such sensor, or none is named."""
    named = [id_in(_sensor_in(one.get("sensor", one.get("state-of-charge")))) for one in devices]
    sensors = _sensors(named)
    return [
        sensors[id_].generic_asset_id if id_ in sensors else id_in(device.get("asset"))
        for id_, device in zip(named, devices, strict=True)
    ]


def _check_owners(
    devices: Sequence[Config], owners: Sequence[int | None], tree: Iterable[int]
) -> None:
    errors: dict[int, dict[str, list[str]]] = {}
    ours, seen = set(tree), set[int]()
    for position, (device, owner) in enumerate(zip(devices, owners, strict=True)):
        key = next((key for key in ("sensor", "asset") if key in device), "state-of-charge")
        sensor_id = id_in(device.get("sensor"))
        if owner is not None and owner not in ours:
            errors[position] = {key: ["Does not belong to this asset, nor to one of its parts."]}
        elif sensor_id is not None and sensor_id in seen:
            errors[position] = {key: [f"Sensor {sensor_id} is listed twice."]}
        elif sensor_id is not None:
            seen.add(sensor_id)
    if errors:
        raise ValidationError({"flex-model": errors})


def _sensor_in(value: Any) -> Any:
    return value.get("sensor") if isinstance(value, Mapping) else value


def _sensors(ids: Iterable[int | None]) -> dict[int, Sensor]:
    wanted = {id_ for id_ in ids if id_ is not None and 0 < id_ <= LARGEST_ID}
    if not wanted:
        return {}
    asset = joinedload(Sensor.generic_asset).joinedload(GenericAsset.generic_asset_type)
    found = db.session.scalars(select(Sensor).where(Sensor.id.in_(wanted)).options(asset))
    return {sensor.id: sensor for sensor in found}
