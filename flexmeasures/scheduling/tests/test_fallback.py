"""The fallback policy: full slots towards the first target, and not beyond it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from flexmeasures.scheduling.fallback import fallback_charging_policy
from flexmeasures.scheduling.tests.worlds import HOUR, QUARTER, START, make_world

ONE_WAY = {"is_consumer": True, "is_producer": False}
TWO_WAY = {"is_consumer": True, "is_producer": True}


@pytest.mark.parametrize(
    ("attributes", "soc", "minimum", "maximum", "target", "expected"),
    [
        (ONE_WAY, 10, 0, 20, 15, [2] * 10 + [0] * 2),
        (TWO_WAY, 10, 0, 20, 5, [-2] * 10 + [0] * 2),
        (ONE_WAY, 10, 0, 20, 9, [0] * 12),
        ({}, 10, 0, 20, 15, [0] * 12),
        (ONE_WAY, 0, 0, 20, 1.3, [2, 2] + [0] * 10),
        (TWO_WAY, 5, 0, 4.6, None, [0] * 12),
        (TWO_WAY, 5, 0, 4.5, None, [-2] + [0] * 11),
        (TWO_WAY, 0.1, 1, 20, None, [2] + [0] * 11),
        (TWO_WAY, 5, 0, 4, 5, [-2, -2] + [0] * 10),
        (TWO_WAY, 5, 0, 20, None, [0] * 12),
    ],
)
def test_policy(
    attributes: dict[str, Any],
    soc: float,
    minimum: float,
    maximum: float,
    target: float | None,
    expected: list[float],
    session: None,
) -> None:
    world = make_world(QUARTER, sensor_attributes={"capacity_in_mw": 2, **attributes})
    hours = QUARTER / HOUR
    constraints = pd.DataFrame(
        {"equals": np.nan, "min": (minimum - soc) / hours, "max": (maximum - soc) / hours},
        index=range(12),
    )
    if target is not None:
        constraints.loc[7, "equals"] = (target - soc) / hours
    end = START + timedelta(hours=3)
    power = fallback_charging_policy(world.battery, constraints, START, end, QUARTER)
    assert power.tolist() == expected
    assert power.index[0] == START
