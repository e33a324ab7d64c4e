from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import pytest

from flexmeasures.forecasting.limits import limits_of
from flexmeasures.forecasting.tests.worlds import World

CONSUMER = {"is_consumer": True, "is_producer": False}
PRODUCER = {"is_consumer": False, "is_producer": True}


@pytest.mark.parametrize(
    ("unit", "attributes", "limits"),
    [
        ("kW", {}, (-inf, inf)),
        ("kW", CONSUMER, (-inf, 0)),  # production is positive
        ("kW", PRODUCER, (0, inf)),
        ("kW", {"is_consumer": True}, (-inf, inf)),
        ("kW", CONSUMER | {"consumption_is_positive": True}, (0, inf)),
        ("kWh", PRODUCER, (0, inf)),
        ("°C", CONSUMER, (-inf, inf)),
        ("kW", {"capacity_in_mw": 0.5}, (-500, 500)),
        ("W", {"capacity_in_mw": 2} | PRODUCER, (0, 2e6)),
        ("kWh", {"capacity_in_mw": 0.5}, (-inf, inf)),
        ("kW", {"capacity_in_mw": 0}, (-inf, inf)),
        ("kW", {"capacity_in_mw": -1}, (-inf, inf)),
        ("kW", {"capacity_in_mw": True}, (-inf, inf)),
        ("kW", {"capacity_in_mw": "2 MW"}, (-inf, inf)),
        ("kW", {"capacity_in_mw": None}, (-inf, inf)),
    ],
)
def test_limits(
    new_world: Callable[..., World],
    unit: str,
    attributes: dict[str, Any],
    limits: tuple[float, float],
) -> None:
    assert limits_of(new_world(unit=unit, attributes=attributes).sensor) == pytest.approx(limits)
