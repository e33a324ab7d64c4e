"""Sources, a day-ahead market, and beliefs about its prices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from flexmeasures.data.config import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.data.services.data_sources import get_or_create_source
from flexmeasures.data.utils import save_to_db
from flexmeasures.utils.timely import tb

START = "2015-01-01"
"""The first day with data, at midnight in Amsterdam."""
TIMEZONE = "Europe/Amsterdam"

# The auction clears at noon in Paris, the day before.
_DAY_AHEAD = (
    tb.sensors.func_store.knowledge_horizons.x_days_ago_at_y_oclock,
    {"x": 1, "y": 12, "z": "Europe/Paris"},
)


def sources() -> dict[str, DataSource]:
    """The sources Seita and ENTSO-E."""
    return {name: get_or_create_source(name, "demo script") for name in ("Seita", "ENTSO-E")}


def asset_type(name: str) -> GenericAssetType:
    """The asset type of that name."""
    found: GenericAssetType | None = GenericAssetType.query.filter_by(name=name).one_or_none()
    if found is None:
        found = GenericAssetType(name=name)
        db.session.add(found)
        db.session.flush()
    return found


def asset(name: str, type_name: str, **columns: Any) -> GenericAsset:
    """The asset of that name; with these columns, if it is made."""
    found: GenericAsset | None = GenericAsset.query.filter_by(name=name).one_or_none()
    if found is None:
        found = GenericAsset(name=name, generic_asset_type=asset_type(type_name), **columns)
        db.session.add(found)
        db.session.flush()
    return found


def sensor(of: GenericAsset, name: str, unit: str, **arguments: Any) -> Sensor:
    """The sensor of that asset and name; with these arguments, if it is made.

    It is its own `corresponding_sensor`, as tests of older plugins ask for that.
    """
    query = Sensor.query.filter(Sensor.generic_asset == of, Sensor.name == name)
    found: Sensor | None = query.one_or_none()
    if found is None:
        arguments = {"timezone": TIMEZONE} | arguments
        found = Sensor(name=name, unit=unit, generic_asset=of, **arguments)
        db.session.add(found)
        db.session.flush()
    found.corresponding_sensor = found
    return found


def markets() -> dict[str, Sensor]:
    """The price sensor epex_da (EUR/MWh, hourly), whose prices become known the day before."""
    market = asset("epex", "transmission zone")
    hour = timedelta(hours=1)
    prices = sensor(
        market, "epex_da", "EUR/MWh", event_resolution=hour, knowledge_horizon=_DAY_AHEAD
    )
    return {"epex_da": prices}


def measurements(of: Sensor, values: Sequence[float] | np.ndarray, start: str = START) -> None:
    """Save values of consecutive events, known as soon as they can be, of the source Seita.

    start : of the first event, in the timezone of the sensor
    """
    if TimedBelief.query.filter_by(sensor_id=of.id).first() is not None:
        return
    begin = pd.Timestamp(start, tz=of.timezone)
    events = pd.date_range(begin, periods=len(values), freq=of.event_resolution)
    index = pd.DatetimeIndex(events, name="event_start")
    series = pd.Series(np.asarray(values, dtype=float), index=index)
    save_to_db(
        tb.BeliefsDataFrame(
            series, sensor=of, source=sources()["Seita"], belief_horizon=timedelta(0)
        )
    )


def market_prices() -> dict[str, Sensor]:
    """Two days of prices of epex_da from 2015-01-01 on. On the second, eight hours cost 90."""
    found = markets()
    first_day = 50 + 20 * np.sin(np.arange(24) / 24 * 2 * np.pi)
    second_day = np.repeat([100.0, 90.0, 100.0], 8)
    measurements(found["epex_da"], np.concatenate([first_day, second_day]))
    return found


def market_beliefs() -> int:
    """Four beliefs of ENTSO-E about epex_da on 2021-03-28, two of them as a distribution.

    Returns how many there are.
    """
    prices, source = markets()["epex_da"], sources()["ENTSO-E"]
    told = [
        ("2021-03-28T16:00+01:00", timedelta(0), 0.5, 21),
        ("2021-03-28T17:00+01:00", timedelta(0), 0.5, 21),
        ("2021-03-28T17:00+01:00", timedelta(hours=2), 0.2, 20),
        ("2021-03-28T17:00+01:00", timedelta(hours=2), 0.5, 21),
    ]
    if TimedBelief.query.filter_by(sensor_id=prices.id, source_id=source.id).count() == 0:
        db.session.add_all(
            TimedBelief(
                sensor=prices,
                source=source,
                event_start=pd.Timestamp(start),
                belief_horizon=horizon,
                cumulative_probability=probability,
                event_value=value,
            )
            for start, horizon, probability, value in told
        )
        db.session.flush()
    return len(told)
