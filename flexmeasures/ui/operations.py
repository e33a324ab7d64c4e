"""What users may have planned and forecast from a page, and what the forms for it begin with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flask import current_app, url_for
from flask_security import current_user
from sqlalchemy import select

from flexmeasures.auth.policy import may
from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.queries.access import readable
from flexmeasures.data.queries.assets import ancestors, descendants
from flexmeasures.data.schemas.scheduling import FlexContextSchema, hyphenated
from flexmeasures.data.schemas.scheduling.outputs import records_power

Config = dict[str, Any]

_HOUR = timedelta(hours=1)
_PRICES = {"consumption-price", "consumption-price-sensor"}
_MOST_DEVICES, _MOST_SENSORS = 20, 200  # in a form


@dataclass(frozen=True)
class Operations:
    """About a sensor or an asset.

    schedule_url : where to ask for schedules; None if the user may not, or there is nothing to plan
    flex_model, flex_context : JSON that the form begins with
    is_example : is the flex-model made up, as nothing is stored?
    stored : what the user should know is used, too, if it is left out
    sensors : of which forecasts can be asked for
    resolution : of what is planned, in minutes
    hours : how long plans usually are
    """

    name: str
    schedule_url: str | None = None
    flex_model: str = ""
    flex_context: str = ""
    is_example: bool = False
    stored: list[str] = field(default_factory=list)
    sensors: list[Sensor] = field(default_factory=list)
    resolution: int = 15

    @property
    def hours(self) -> float:
        horizon: timedelta = current_app.config["FLEXMEASURES_PLANNING_HORIZON"]
        return horizon / _HOUR

    @property
    def context_keys(self) -> str:
        """Which keys belong to the flex-context, so that errors are shown there."""
        return " ".join(
            sorted(one.data_key or name for name, one in FlexContextSchema().fields.items())
        )

    def __bool__(self) -> bool:
        """Is there anything to offer?"""
        return bool(self.schedule_url or self.sensors)


def operations_on_sensor(sensor: Sensor) -> Operations:
    """What the current user may have done with a sensor. Two statements."""
    if not may(sensor, "create-children"):
        return Operations(sensor.name)
    forecast = [sensor] if sensor.event_resolution else []
    if not records_power(sensor):
        return Operations(sensor.name, sensors=forecast)
    asset = sensor.generic_asset
    remembered = _about_sensor(hyphenated(asset.flex_model), sensor)
    context, stored = _context(asset, sensor)
    return Operations(
        sensor.name,
        url_for("v3_0.schedules.trigger_for_sensor", id=sensor.id),
        _json(remembered or _example(sensor)),
        _json(context),
        not remembered,
        stored,
        forecast,
        _minutes([sensor]),
    )


def operations_on_asset(asset: GenericAsset) -> Operations:
    """What the current user may have done with an asset. Four statements."""
    if not may(asset, "create-children"):
        return Operations(asset.name)
    devices, parts = _devices(asset)
    first = select(Sensor).where(Sensor.generic_asset_id == asset.id).order_by(Sensor.id)
    own = db.session.scalars(first.limit(_MOST_SENSORS)).all()
    sensors = [sensor for sensor in own if sensor.event_resolution]
    powers = [sensor for sensor in own if records_power(sensor)]
    is_example = not devices
    if is_example:
        devices = [{"sensor": one.id} | _example(one) for one in powers[:1]]
    if not devices:
        return Operations(asset.name, sensors=sensors)
    context, stored = _context(asset, powers[0] if powers else None)
    return Operations(
        asset.name,
        url_for("v3_0.schedules.trigger_for_asset", id=asset.id),
        _json(devices),
        _json(context),
        is_example,
        stored + parts,
        sensors,
        _minutes(powers),
    )


def _devices(asset: GenericAsset) -> tuple[list[Config], list[str]]:
    """Flex-models that are stored, of assets that the user may read; and a word on more of them."""
    below = descendants(GenericAsset.id == asset.id)
    query = select(GenericAsset.id, GenericAsset.flex_model).where(
        GenericAsset.id.in_(below), readable(current_user, GenericAsset.account_id)
    )
    rows = db.session.execute(query.order_by(GenericAsset.id))
    models = [{"asset": id_} | hyphenated(model) for id_, model in rows if model]
    more = len(models) - _MOST_DEVICES
    words = [f"{more} more parts of this asset have a flex-model, and take part."]
    return models[:_MOST_DEVICES], words if more > 0 else []


def _context(asset: GenericAsset, sensor: Sensor | None) -> tuple[Config, list[str]]:
    """What the form begins with, and a word on what else is used."""
    line = select(GenericAsset.id, GenericAsset.flex_context)
    rows = db.session.execute(line.where(GenericAsset.id.in_(ancestors(asset.id)))).all()
    contexts = {id_: hyphenated(context) for id_, context in rows}
    own = contexts.pop(asset.id, {})
    inherited = sorted({key for context in contexts.values() for key in context} - own.keys())
    words = []
    if inherited:
        words.append(f"From what this asset is part of: {', '.join(inherited)}.")
    market = (sensor or asset).get_attribute("market_id")
    if market is not None:
        words.append(f"If no price is given, that of sensor {market} (attribute market_id).")
    if _PRICES & {*own, *inherited} or market is not None:
        return own, words
    price = _some_price(asset)
    return own if price is None else own | {"consumption-price": {"sensor": price}}, words


def _some_price(asset: GenericAsset) -> int | None:
    """A sensor with energy prices: of the asset, else of its account, else a public one."""
    query = (
        select(Sensor.id)
        .join(Sensor.generic_asset)
        .where(
            Sensor.unit.like("___/%Wh"),
            (GenericAsset.account_id == asset.account_id) | GenericAsset.account_id.is_(None),
            readable(current_user, GenericAsset.account_id),
        )
        .order_by(GenericAsset.id != asset.id, GenericAsset.account_id.is_(None), Sensor.id)
    )
    return db.session.scalars(query.limit(1)).first()


def _about_sensor(model: Config, sensor: Sensor) -> Config:
    """The flex-model of an asset, unless it is about another sensor."""
    if model.get("sensor") not in (None, sensor.id):
        return {}
    return {key: value for key, value in model.items() if key not in ("sensor", "asset")}


def _example(sensor: Sensor) -> Config:
    """A flex-model to start from, with what attributes tell."""
    if sensor.generic_asset.generic_asset_type.name == "process":
        return {"process-type": "SHIFTABLE", "duration": "PT2H", "power": "1 kW"}
    known = sensor.get_attribute
    least = known("min_soc_in_mwh")
    level = known("soc_in_mwh")
    told = {
        "soc-at-start": (least if level is None else level, "MWh", "0 kWh"),
        "soc-min": (least, "MWh", None),
        "soc-max": (known("max_soc_in_mwh"), "MWh", "10 kWh"),
        "power-capacity": (known("capacity_in_mw"), "MW", "5 kW"),
        "roundtrip-efficiency": (known("roundtrip_efficiency"), "", "90%"),
    }
    texts = {
        key: default if value is None else f"{value} {unit}".strip()
        for key, (value, unit, default) in told.items()
    }
    return {key: text for key, text in texts.items() if text is not None}


def _minutes(sensors: Iterable[Sensor]) -> int:
    steps = [sensor.event_resolution for sensor in sensors if sensor.event_resolution]
    return max(1, min(steps, default=timedelta(minutes=15)) // timedelta(minutes=1))


def _json(value: Mapping[str, Any] | Sequence[Any]) -> str:
    """For people to change; short objects in one line."""
    return json.dumps(value, indent=2, ensure_ascii=False)
