"""Which local days are holidays: by annotations, else by the country that a timezone is of.

Calendars are known ahead, so a holiday counts whenever its annotation was made.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import or_, select

from flexmeasures.data.beliefs.rows import Integers, microseconds
from flexmeasures.data.config import db
from flexmeasures.data.models.annotations import (
    AccountAnnotationRelationship,
    Annotation,
    GenericAssetAnnotationRelationship,
    SensorAnnotationRelationship,
)
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.queries.assets import ancestors
from flexmeasures.forecasting.base import Settings
from flexmeasures.forecasting.countries import country_of
from flexmeasures.forecasting.grid import DAY, clock_of

ATTRIBUTE = "public_holidays"


def holidays_of(
    sensor: Sensor, first: int, last: int, settings: Settings
) -> tuple[Integers, list[str]]:
    """The holidays among these days, counted (as they are) from 1970-01-01; and what was assumed.

    Annotations of type holiday count, of the sensor, its asset, what that is part of, and its
    account. Years without any have the public holidays of the country that the attribute
    `public_holidays` of sensor or asset names (as NL, or DE-BY for a part of it); if that is true,
    or missing and the settings say so, of the country of the sensor's timezone. One statement.
    """
    annotated = _annotated(sensor)
    country, notes = _country(sensor, settings)
    found = [annotated]
    if country is not None:
        years = set(_years(np.array([first, last])).tolist())
        missing = tuple(
            year
            for year in range(min(years), max(years) + 1)
            if year not in set(_years(annotated).tolist())
        )
        if missing:
            found.append(_public_days(country, missing))
            notes.append(_assumed(sensor, country, missing, bool(len(annotated))))
    days = np.unique(np.concatenate(found))
    return days[(days >= first) & (days <= last)], notes


def _annotated(sensor: Sensor) -> Integers:
    asset = sensor.generic_asset
    of_sensor = SensorAnnotationRelationship
    of_asset = GenericAssetAnnotationRelationship
    of_account = AccountAnnotationRelationship
    owned = (
        select(of_sensor.annotation_id).where(of_sensor.sensor_id == sensor.id),
        select(of_asset.annotation_id).where(of_asset.generic_asset_id.in_(ancestors(asset.id))),
        select(of_account.annotation_id).where(of_account.account_id == asset.account_id),
    )
    periods = db.session.execute(
        select(Annotation.start, Annotation.end).where(
            Annotation.type == "holiday", or_(*(Annotation.id.in_(ids) for ids in owned))
        )
    )
    days = [
        days_between(microseconds(start), microseconds(end), sensor.timezone)
        for start, end in periods
    ]
    return np.concatenate([np.empty(0, np.int64), *days])


def days_between(start: int, end: int, timezone: str) -> Integers:
    """The local days whose noon lies in a period; of one from midnight to midnight UTC, its dates.

    Holidays by country are stored as days in UTC, wherever the country lies.
    """
    if start % DAY == 0 and end % DAY == 0:
        return np.arange(start // DAY, end // DAY)
    first, last = (clock_of(np.array([start, end]), timezone) - DAY // 2) / DAY
    return np.arange(int(np.ceil(first)), int(np.ceil(last)))


def _country(sensor: Sensor, settings: Settings) -> tuple[str | None, list[str]]:
    wanted: Any = settings.public_holidays
    for attributes in (sensor.attributes, sensor.generic_asset.attributes):
        if ATTRIBUTE in attributes:
            wanted = attributes[ATTRIBUTE]
            break
    if isinstance(wanted, str):
        if _is_known(wanted):
            return wanted, []
        return None, [f"The public holidays of {wanted!r} are not known, and left out."]
    country = country_of(sensor.timezone) if wanted is True else None
    return (country if country is not None and _is_known(country) else None), []


@cache
def _is_known(country: str) -> bool:
    try:
        _public_days(country, (2024,))
    except NotImplementedError:  # so the library says of what it does not know
        return False
    return True


@cache
def _public_days(country: str, years: tuple[int, ...]) -> Integers:
    import holidays

    code, _, part = country.upper().partition("-")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # about codes that still work
        found = holidays.country_holidays(code, subdiv=part or None, years=years)
    return np.array(sorted(found), dtype="M8[D]").astype(np.int64)


def _years(days: Integers) -> Integers:
    return days.astype("M8[D]").astype("M8[Y]").astype(np.int64) + 1970


def _assumed(sensor: Sensor, country: str, years: tuple[int, ...], some: bool) -> str:
    why = f"of {country}"
    if country == country_of(sensor.timezone):
        why += f", the country of the timezone {sensor.timezone}"
    when = ""
    if some:
        when = f" in {years[0]}" if len(years) == 1 else f" in {', '.join(map(str, years))}"
    return f"No holidays are annotated{when}; those {why}, are assumed."
