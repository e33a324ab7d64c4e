"""Thirty days of day-ahead arbitrage earn what can be earned."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from flexmeasures.scheduling.engine.solvers import Options
from flexmeasures.scheduling.site_problem import DeviceCase, plan_site
from flexmeasures.scheduling.tests.cases import site_case, stock_case
from flexmeasures.scheduling.tests.oracle import optimum

DATA = Path(__file__).parent / "data" / "price_nl_2023_07.csv"


def days() -> np.ndarray:
    """EUR/MWh for each hour of 30 days."""
    with DATA.open() as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return np.array([float(row["value"]) for row in rows]).reshape(30, 24)


@pytest.mark.parametrize("solver", ["highs", "cbc"])
@pytest.mark.parametrize("roundtrip", [1.0, 0.9])
def test_each_day_earns_what_an_independent_optimum_does(roundtrip: float, solver: str) -> None:
    """A battery of 1 MW and 2 MWh; many of its days have negative prices."""
    earned, possible = [], []
    for prices in days():
        battery = DeviceCase("battery", 1, 1, stock_case(24, 0, 0, 2), *[roundtrip**0.5] * 2)
        case = site_case([battery], prices)
        earned.append(-plan_site(case, solver, Options()).cost)
        possible.append(-optimum(case, twice=False)[-1])
    assert min(possible) > 10
    # One in ten thousand is allowed; more than the optimum would be a mistake, too.
    assert earned == pytest.approx(possible, rel=1e-5)
