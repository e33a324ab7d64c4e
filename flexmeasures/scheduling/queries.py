"""Inputs of schedulers one by one, for plugins; ours look around once (see `inputs`)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from flexmeasures.data.beliefs.search import values
from flexmeasures.scheduling.inputs import power_per_slot, price_per_slot, price_sensors
from flexmeasures.scheduling.slots import initialize_index
from flexmeasures.scheduling.variable import Grid
from flexmeasures.utils.time_utils import as_utc, shift

if TYPE_CHECKING:
    import pandas as pd

    from flexmeasures.data.models.time_series import Sensor

Window = tuple[datetime, datetime]


def get_prices(
    query_window: Window,
    resolution: timedelta,
    beliefs_before: datetime | None,
    price_sensor: Sensor | None = None,
    sensor: Sensor | None = None,
    allow_trimmed_query_window: bool = True,
) -> tuple[pd.DataFrame, Window]:
    """Prices per MWh by slot start, in column event_value; and the window that they are for.

    price_sensor : defaults to the market of `sensor` (its attribute market_id)
    allow_trimmed_query_window : leave out unknown prices at both ends, rather than to repeat the
        first and the last known one there; within, the previous price is repeated anyway

    Raises UnknownMarketException, UnknownPricesException.
    """
    import pandas as pd

    if price_sensor is None:
        if sensor is None:
            raise TypeError("Prices need a price_sensor, or a sensor with an attribute market_id.")
        price_sensor, _ = price_sensors(sensor, {})
    start, end = query_window
    known = values(
        [price_sensor], as_utc(start), as_utc(end), resolution, beliefs_before=beliefs_before
    )[price_sensor.id]
    prices, _ = price_per_slot(price_sensor, known, Grid(start, resolution, len(known)))
    if allow_trimmed_query_window:
        first, last = np.flatnonzero(~np.isnan(known))[[0, -1]].tolist()
        prices = prices[first : last + 1]
        start, end = shift(start, first * resolution), shift(start, (last + 1) * resolution)
    index = initialize_index(start, end, resolution)
    return pd.DataFrame({"event_value": prices}, index=index), (start, end)


def get_power_values(
    query_window: Window,
    resolution: timedelta,
    beliefs_before: datetime | None,
    sensor: Sensor,
) -> np.ndarray:
    """MW per slot, consumption positive; unknown power is 0, which is logged."""
    start, end = query_window
    known = values([sensor], as_utc(start), as_utc(end), resolution, beliefs_before=beliefs_before)[
        sensor.id
    ]
    power, _ = power_per_slot(sensor, known, Grid(start, resolution, len(known)))
    return power
