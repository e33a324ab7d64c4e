"""Worked examples of planning for one site, from arrays to arrays, through every solver.

Each optimum is unique, so that preferences among equals may not change it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from flexmeasures.scheduling.engine.solvers import Options, Status
from flexmeasures.scheduling.engine.tests.conftest import INSTALLED
from flexmeasures.scheduling.site_problem import DeviceCase, SiteCase, SitePlan, plan_site
from flexmeasures.scheduling.tests.cases import site_case, stock_case

pytestmark = pytest.mark.parametrize("solver", INSTALLED)


@dataclass
class Example:
    """A case with its optimum: power by device, levels from tick 1 on by stock."""

    name: str
    case: SiteCase
    power: dict[str, Sequence[float]]
    cost: float
    levels: dict[str, Sequence[float]] = field(default_factory=dict)
    site: Sequence[float] | None = None


def _standing_loss() -> Example:
    tank = stock_case(3, 2, retention=0.9, minima={3: 2}, name="tank")
    return Example(
        "1 standing loss",
        site_case([DeviceCase("heater", 1, 0, tank)], [30, 50, 40]),
        {"heater": [0.705005, 0, 0]},
        21.150148,
        levels={"tank": [2.469136, 2.222222, 2]},
    )


def _heat_pump() -> Example:
    buffer = stock_case(4, 3, 1, 8, retention=0.99, gain=-2.0, name="buffer")
    pump = DeviceCase("pump", 1, 0, buffer, charging_efficiency=np.array([3, 2.5, 3.5, 3]))
    return Example(
        "2 heat pump",
        site_case([pump], [40, 20, 60, 50]),
        {"pump": [1, 1, 0, 0.209464]},
        70.473180,
        levels={"buffer": [3.964992, 4.422838, 2.388626, 1]},
    )


def _vehicle() -> Example:
    ev = stock_case(6, 0.5, 0, 4, minima={3: 2.5, 4: 2.5, 6: 4}, name="ev")
    return Example(
        "3 electric vehicle",
        site_case([DeviceCase("ev", 1, 0, ev, charging_efficiency=0.9)], [30, 25, 28, 60, 10, 20]),
        {"ev": [0.222222, 1, 1, 0, 1, 0.666667]},
        83,
        levels={"ev": [0.7, 1.6, 2.5, 2.5, 3.4, 4]},
    )


def _curtailable() -> Example:
    pv = DeviceCase("pv", 0, np.array([0.2, 2, 3, 1]))
    return Example(
        "4 curtailable solar",
        site_case([pv], [50] * 4, [20, -10, 20, 5], load=0.5, export_max=1.5),
        {"pv": [-0.2, -0.5, -2, -1]},
        -17.5,
        site=[0.3, 0, -1.5, -0.5],
    )


def _two_devices() -> Example:
    battery = stock_case(4, 0, 0, 1.5, retention=0.99, name="battery")
    ev = stock_case(4, 0, 0, 2.5, minima={3: 2}, name="ev")
    devices = [DeviceCase("battery", 1, 1, battery, 0.95, 0.95), DeviceCase("ev", 1, 0, ev)]
    case = site_case(
        devices, [20, 60, 30, 70], [18, 55, 25, 65], load=0.2, import_max=1.2, export_max=1.2
    )
    return Example(
        "8 two devices",
        case,
        {"battery": [0, 0, 0.223845, -0.2], "ev": [1, 0.223845, 0.776155, 0]},
        85.430706,
        site=[1.2, 0.423845, 1.2, 0],
    )


def _quarters() -> Example:
    battery = stock_case(4, 0.5, 0, 1, retention=0.98, minima={4: 0.5}, name="battery")
    return Example(
        "11 quarter hours",
        site_case([DeviceCase("battery", 2, 2, battery, 0.95, 0.9)], [80, 20, 20, 60], hours=0.25),
        {"battery": [-1.781879, 2, 2, -1.499840]},
        -38.135181,
        levels={"battery": [0, 0.470234, 0.931063, 0.5]},
    )


def _shared_inverter() -> Example:
    """As nothing else is behind the inverter, its limit is that of the site."""
    battery = stock_case(3, 0, 0, 3, name="battery")
    devices = [DeviceCase("battery", 2, 2, battery), DeviceCase("pv", 0, np.array([2.0, 1, 2]))]
    return Example(
        "12 shared inverter",
        site_case(devices, [40, 10, 60], import_max=2.5, export_max=2.5),
        {"battery": [0, 0.5, -0.5], "pv": [-2, -1, -2]},
        -235,
        levels={"battery": [0, 0.5, 0]},
        site=[-2, -0.5, -2.5],
    )


def _negative_price() -> Example:
    battery = stock_case(3, 1, 0, 1, name="battery")
    return Example(
        "13 negative price",
        site_case([DeviceCase("battery", 1, 1, battery, 0.9, 0.9)], [-10, 5, 40]),
        {"battery": [0, 0, -0.9]},
        -36,
        levels={"battery": [1, 1, 0]},
    )


EXAMPLES = [
    _standing_loss(),
    _heat_pump(),
    _vehicle(),
    _curtailable(),
    _two_devices(),
    _quarters(),
    _shared_inverter(),
    _negative_price(),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.name for example in EXAMPLES])
def test_worked_example(example: Example, solver: str) -> None:
    plan = plan_site(example.case, solver, Options())
    power = {device.name: values for device, values in plan.power.items()}
    levels = {stock.name: values for stock, values in plan.levels.items()}
    for name, expected in example.power.items():
        assert power[name] == pytest.approx(expected, abs=1e-6), name
    for stock in example.case.stocks:
        assert plan.levels[stock][0] == stock.at_start
    for name, expected in example.levels.items():
        assert levels[name][1:] == pytest.approx(expected, abs=1e-6), name
    if example.site is not None:
        assert plan.site == pytest.approx(example.site, abs=1e-6)
    assert plan.cost == pytest.approx(example.cost, abs=1e-6)
    assert plan.misses == ()
    assert plan.status is Status.OPTIMAL


def _after(
    first: str, then: str, plan: Callable[[SiteCase], SitePlan]
) -> tuple[dict[str, np.ndarray], SitePlan]:
    """Example 8, one device after the other: the earlier one is a fact for the later one."""
    case = _two_devices().case
    device = {device.name: device for device in case.devices}
    earlier = plan(replace(case, devices=(device[first],)))
    power = earlier.power[device[first]]
    later = plan(
        replace(case, devices=(device[then],), inflexible={**case.inflexible, first: power})
    )
    return {first: power, then: later.power[device[then]]}, later


def test_the_vehicle_before_the_battery(solver: str) -> None:
    power, last = _after("ev", "battery", lambda case: plan_site(case, solver, Options()))
    assert power["ev"] == pytest.approx([1, 0, 1, 0], abs=1e-6)
    assert power["battery"] == pytest.approx([0, 0.226106, 0, -0.2], abs=1e-6)
    assert last.cost == pytest.approx(85.566370, abs=1e-6)
    assert last.misses == ()


def test_the_battery_before_the_vehicle(solver: str) -> None:
    """It takes what the vehicle needs."""
    power, last = _after("battery", "ev", lambda case: plan_site(case, solver, Options()))
    assert power["battery"] == pytest.approx([1, -0.784787, 1, -1], abs=1e-6)
    assert power["ev"] == pytest.approx([0, 1, 0, 0], abs=1e-6)
    assert last.cost == pytest.approx(32.912773, abs=1e-6)
    assert [(miss.limit, miss.tick, round(miss.size, 6)) for miss in last.misses] == [
        ("soc-minima", 3, 1)
    ]
