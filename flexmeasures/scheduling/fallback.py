"""A simple policy for when no optimisation is to be had: head for the first target, then stop."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from flexmeasures.scheduling.slots import initialize_index

if TYPE_CHECKING:
    import pandas as pd

    from flexmeasures.data.models.time_series import Sensor

_ROUNDING = 1e-9


def fallback_charging_policy(
    sensor: Sensor,
    device_constraints: pd.DataFrame,
    start: datetime,
    end: datetime,
    resolution: timedelta,
) -> pd.Series:
    """Charge or discharge at full power from the start, without going beyond what is wanted.

    It goes for the first target; failing that, it brings a start level that is too high or too low
    back within the limits. Only full slots are used. Charging takes an attribute `is_consumer`,
    discharging takes `is_producer`; the power is the attribute `capacity_in_mw`.

    device_constraints : with columns equals, min and max: levels at the end of each slot, relative
        to the start, in MW times slots; equals is nan where there is no target

    Returns MW by slot start, consumption positive.
    """
    import pandas as pd

    index = initialize_index(start, end, resolution)
    capacity = float(sensor.get_attribute("capacity_in_mw"))
    up = capacity if sensor.get_attribute("is_consumer", False) else 0.0
    down = -capacity if sensor.get_attribute("is_producer", False) else 0.0
    power = np.zeros(len(index))
    wanted = _wanted(device_constraints)
    steps = np.arange(1, len(index) + 1)
    if wanted > 0:
        power[steps * up <= wanted + _ROUNDING] = up
    elif wanted < 0:
        power[steps * down >= wanted - _ROUNDING] = down
    return pd.Series(power, index=index)


def _wanted(constraints: pd.DataFrame) -> float:
    """How much more there should be in the stock; 0 if it is fine as it is."""
    targets = constraints["equals"].astype(float).dropna()
    if len(targets) and targets.iloc[0] != 0:
        return float(targets.iloc[0])
    if not len(constraints):
        return 0.0
    highest, lowest = float(constraints["max"].iloc[0]), float(constraints["min"].iloc[0])
    return highest if highest < 0 else max(lowest, 0.0)
