"""How new the data of sensors are, by type of asset."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Executable, func, select

from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor, TimedBelief

WINDOW = timedelta(days=2)  # in which events count; older ones are not looked for


def newest_measurements(now: datetime, ages: Sequence[timedelta]) -> Executable:
    """By type of asset, those with most sensors first: its name, its number of sensors, how many of
    them have measured something that is not older than each of these ages, and how old what was
    measured last is (an interval, or NULL).

    Measured is what was known when the event could be: neither forecasts nor schedules. It is as
    old as the end of its event. For each sensor, the key is read backwards from now on, until the
    first one is found; no rows are read, and no key before the window.
    """
    newest = (
        select(TimedBelief.event_start)
        .where(
            TimedBelief.sensor_id == Sensor.id,
            TimedBelief.event_start > now - WINDOW,
            TimedBelief.event_start <= now,
            TimedBelief.belief_horizon <= timedelta(0),
        )
        .order_by(TimedBelief.event_start.desc())
        .limit(1)
        .scalar_subquery()
    )
    sensors = (
        select(
            GenericAsset.generic_asset_type_id.label("type_id"),
            func.greatest(now - newest - Sensor.event_resolution, timedelta(0)).label("age"),
            newest.is_not(None).label("is_known"),
        )
        .join(Sensor.generic_asset)
        .subquery()
    )
    age, is_known = sensors.c.age, sensors.c.is_known
    return (
        select(
            GenericAssetType.name,
            func.count(),
            *(func.count().filter(is_known, age <= limit) for limit in ages),
            func.min(age).filter(is_known),
        )
        .join(GenericAssetType, GenericAssetType.id == sensors.c.type_id)
        .group_by(GenericAssetType.name)
        .order_by(func.count().desc(), GenericAssetType.name)
    )
