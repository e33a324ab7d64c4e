"""Problems that can be solved by hand (or were, independently), through every solver."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from flexmeasures.scheduling.engine.check import check
from flexmeasures.scheduling.engine.commitments import energy, peak, soft_limit, stretches
from flexmeasures.scheduling.engine.optimise import Infeasible, Plan, optimise
from flexmeasures.scheduling.engine.problem import Commitment, Device, Group, Problem, Stock
from flexmeasures.scheduling.engine.solvers import Options, Status
from flexmeasures.scheduling.engine.tests.conftest import INSTALLED

pytestmark = pytest.mark.parametrize("solver", INSTALLED)


def at(slots: int, ticks: dict[int, float], otherwise: float = np.nan) -> np.ndarray:
    """One value per slot, given for some ticks; tick 1 is the end of the first slot."""
    values = np.full(slots, otherwise)
    for tick, value in ticks.items():
        values[tick - 1] = value
    return values


def fixed(name: str, power: Sequence[float] | np.ndarray) -> Device:
    return Device(name, np.asarray(power, float), np.asarray(power, float))


@dataclass
class Case:
    """A problem with its unique optimum: power and level per device, and money of energy."""

    name: str
    slots: int
    devices: tuple[Device, ...]
    consumption_price: Sequence[float]
    power: dict[str, Sequence[float]]
    cost: float
    production_price: Sequence[float] | None = None
    levels: dict[str, Sequence[float]] = field(default_factory=dict)
    hours: float = 1.0
    groups: tuple[Group, ...] = ()
    commitments: Callable[[tuple[Device, ...]], tuple[Commitment, ...]] = lambda devices: ()
    other_costs: float = 0.0

    def problem(self) -> Problem:
        price = np.array(self.consumption_price, float)
        earned = price if self.production_price is None else np.array(self.production_price, float)
        paid = energy("energy", self.devices, price, earned, self.hours)
        return Problem(
            self.slots,
            self.hours,
            self.devices,
            self.groups,
            (paid, *self.commitments(self.devices)),
        )


def _site(devices: tuple[Device, ...], lower: float = -np.inf, upper: float = np.inf) -> Group:
    return Group("site", devices, lower, upper)


def _standing_loss() -> Case:
    stock = Stock("tank", 2, at(3, {3: 2}, -np.inf), retention=0.9)
    return Case(
        "1 standing loss",
        3,
        (Device("heater", 0, 1, stock),),
        [30, 50, 40],
        {"heater": [0.705005, 0, 0]},
        21.150148,
        levels={"tank": [2.469136, 2.222222, 2]},
    )


def _heat_pump() -> Case:
    stock = Stock("buffer", 3, 1, 8, retention=0.99, gain=-2.0)
    pump = Device("heat pump", 0, 1, stock, up_efficiency=np.array([3, 2.5, 3.5, 3]))
    return Case(
        "2 heat pump",
        4,
        (pump,),
        [40, 20, 60, 50],
        {"heat pump": [1, 1, 0, 0.209464]},
        70.473180,
        levels={"buffer": [3.964992, 4.422838, 2.388626, 1]},
    )


def _vehicle() -> Case:
    stock = Stock("ev", 0.5, at(6, {3: 2.5, 4: 2.5, 6: 4}, -np.inf), 4)
    return Case(
        "3 electric vehicle",
        6,
        (Device("ev", 0, 1, stock, up_efficiency=0.9),),
        [30, 25, 28, 60, 10, 20],
        {"ev": [0.222222, 1, 1, 0, 1, 0.666667]},
        83,
        levels={"ev": [0.7, 1.6, 2.5, 2.5, 3.4, 4]},
    )


def _curtailable() -> Case:
    devices = (Device("pv", -np.array([0.2, 2, 3, 1]), 0.0), fixed("load", [0.5] * 4))
    return Case(
        "4 curtailable solar",
        4,
        devices,
        [50] * 4,
        {"pv": [-0.2, -0.5, -2, -1]},
        -17.5,
        production_price=[20, -10, 20, 5],
        groups=(_site(devices, lower=-1.5),),
    )


def _no_peak() -> Case:
    stock = Stock("battery", 0, 0, 1)
    devices = (Device("battery", -1, 1, stock), fixed("load", [0.5, 0.4, 0.7, 0.5]))
    return Case(
        "5a no peak tariff",
        4,
        devices,
        [50, 20, 60, 70],
        {"battery": [0, 1, 0, -1]},
        60,
        levels={"battery": [0, 1, 1, 0]},
    )


def _peak() -> Case:
    case = _no_peak()
    case.name = "5b peak tariff"
    case.power, case.levels = {"battery": [0.45, 0.55, 0, -1]}, {"battery": [0.45, 1, 1, 0]}
    case.cost, case.other_costs = 73.5, 14
    case.commitments = lambda devices: (peak("peak", devices, np.full(4, 40.0), 0.6),)
    return case


def _soft_site_limit(price: float) -> Case:
    stock = Stock("battery", 0, at(4, {4: 0.35}, -np.inf))
    devices = (Device("battery", 0, 1, stock), fixed("load", [0.6, 1.3, 0.5, 0.6]))
    dear = price > 100
    return Case(
        "6a dear soft limit" if dear else "6b cheap soft limit",
        4,
        devices,
        [50, 20, 20, 50],
        {"battery": [0.4, 0, 0.6, 0.4] if dear else [0, 0.4, 1, 0]},
        37 if dear else 31,
        hours=0.25,
        commitments=lambda devices: soft_limit(
            "breach", devices, np.full(4, price), 0.25, maximum=np.ones(4)
        ),
        other_costs=4e6 if dear else 4,
    )


def _unreachable_minimum() -> Case:
    stock = Stock("battery", 0.5, 0, 4)
    return Case(
        "7 unreachable minimum",
        3,
        (Device("battery", -1, 1, stock),),
        [10, 500, 20],
        {"battery": [1, 1, -0.3]},
        504,
        levels={"battery": [1.5, 2.5, 2.2]},
        commitments=lambda devices: soft_limit(
            "minima", stock, np.full(3, 1e6), 1.0, minimum=at(3, {2: 3, 3: 2.2})
        ),
        other_costs=1e6,
    )


def _two_devices() -> Case:
    battery = Stock("battery", 0, 0, 1.5, retention=0.99)
    ev = Stock("ev", 0, 0, 2.5)
    devices = (
        Device("battery", -1, 1, battery, 0.95, 0.95),
        Device("ev", 0, 1, ev),
        fixed("load", [0.2] * 4),
    )
    return Case(
        "8 two devices",
        4,
        devices,
        [20, 60, 30, 70],
        {"battery": [0, 0, 0.223845, -0.2], "ev": [1, 0.223845, 0.776155, 0]},
        85.430706,
        production_price=[18, 55, 25, 65],
        groups=(_site(devices, -1.2, 1.2),),
        commitments=lambda devices: soft_limit(
            "ready", ev, np.full(4, 1e6), 1.0, minimum=at(4, {3: 2})
        ),
    )


def _baseline() -> Case:
    stock = Stock("battery", 0, at(3, {3: 1.5}, -np.inf))
    devices = (Device("battery", 0, 0.8, stock), fixed("load", [0.1] * 3))
    return Case(
        "9 commitment",
        3,
        devices,
        [50, 52, 54],
        {"battery": [0.8, 0.2, 0.5]},
        93,
        commitments=lambda devices: (
            Commitment("baseline", devices, np.array([1, 0.2, 0.6]), 20.0, -10.0),
        ),
        other_costs=3,
    )


def _free_mode() -> Case:
    stock = Stock("battery", 0, at(3, {3: 1.2}, -np.inf))
    return Case(
        "10 without modes",
        3,
        (Device("battery", 0, 1, stock),),
        [10, 30, 20],
        {"battery": [1, 0, 0.2]},
        14,
        levels={"battery": [1, 1, 1.2]},
    )


def _quarters() -> Case:
    stock = Stock("battery", 0.5, at(4, {4: 0.5}, 0.0), 1, retention=0.98)
    return Case(
        "11 quarter hours",
        4,
        (Device("battery", -2, 2, stock, 0.95, 0.9),),
        [80, 20, 20, 60],
        {"battery": [-1.781879, 2, 2, -1.499840]},
        -38.135181,
        levels={"battery": [0, 0.470234, 0.931063, 0.5]},
        hours=0.25,
    )


def _shared_inverter() -> Case:
    stock = Stock("battery", 0, 0, 3)
    devices = (Device("battery", -2, 2, stock), Device("pv", -np.array([2.0, 1, 2]), 0.0))
    return Case(
        "12 shared inverter",
        3,
        devices,
        [40, 10, 60],
        {"battery": [0, 0.5, -0.5], "pv": [-2, -1, -2]},
        -235,
        levels={"battery": [0, 0.5, 0]},
        groups=(Group("inverter", devices, -2.5, 2.5),),
    )


def _negative_price() -> Case:
    stock = Stock("battery", 1, 0, 1)
    return Case(
        "13 negative price",
        3,
        (Device("battery", -1, 1, stock, 0.9, 0.9),),
        [-10, 5, 40],
        {"battery": [0, 0, -0.9]},
        -36,
        levels={"battery": [1, 1, 0]},
    )


CASES = [
    _standing_loss(),
    _heat_pump(),
    _vehicle(),
    _curtailable(),
    _no_peak(),
    _peak(),
    _soft_site_limit(1e7),
    _soft_site_limit(4),
    _unreachable_minimum(),
    _two_devices(),
    _baseline(),
    _free_mode(),
    _quarters(),
    _shared_inverter(),
    _negative_price(),
]


def assert_sound(problem: Problem, plan: Plan) -> None:
    """No limit is broken, and costs are what follows from power."""
    findings = check(problem, plan.power)
    assert findings.violations == ()
    assert plan.total() == pytest.approx(findings.total())


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_worked_example(case: Case, solver: str) -> None:
    problem = case.problem()
    plan = optimise(problem, solver)
    power = {device.name: values for device, values in plan.power.items()}
    levels = {stock.name: values for stock, values in plan.levels.items()}
    for name, expected in case.power.items():
        assert power[name] == pytest.approx(expected, abs=1e-6), name
    for name, expected in case.levels.items():
        assert levels[name] == pytest.approx(expected, abs=1e-6), name
    paid = {c.name: 0.0 for c in problem.commitments}
    for commitment, cost in plan.costs.items():
        paid[commitment.name] += cost
    assert paid.pop("energy") == pytest.approx(case.cost, abs=1e-6)
    # Penalties may be ten million times as high as a rounding error of power.
    assert sum(paid.values()) == pytest.approx(case.other_costs, abs=1e-6, rel=1e-6)
    assert plan.status is Status.OPTIMAL
    assert_sound(problem, plan)


def test_one_after_the_other_is_never_better(solver: str) -> None:
    """Example 8, sequentially: an early device takes what a later one needs."""
    case = _two_devices()
    battery, ev, load = case.devices
    price, earned = np.array(case.consumption_price), np.array(case.production_price)

    def alone(device: Device, *others: Device, ready: bool) -> np.ndarray:
        devices = (device, *others)
        wishes: tuple[Commitment, ...] = ()
        if ready:
            assert device.stock is not None
            wishes = soft_limit("ready", device.stock, np.full(4, 1e6), 1.0, minimum=at(4, {3: 2}))
        paid = energy("energy", devices, price, earned, 1.0)
        problem = Problem(4, 1.0, devices, (_site(devices, -1.2, 1.2),), (paid, *wishes))
        return optimise(problem, solver).power[device]

    first = alone(ev, load, ready=True)
    second = alone(battery, load, fixed("ev", first), ready=False)
    assert first == pytest.approx([1, 0, 1, 0], abs=1e-6)
    assert second == pytest.approx([0, 0.226106, 0, -0.2], abs=1e-6)

    first = alone(battery, load, ready=False)
    second = alone(ev, load, fixed("battery", first), ready=True)
    assert first == pytest.approx([1, -0.784787, 1, -1], abs=1e-6)
    assert second == pytest.approx([0, 1, 0, 0], abs=1e-6)


def test_losses_cannot_burn_energy(solver: str) -> None:
    """A full battery is paid for consumption, but has nowhere to put it."""
    stock = Stock("battery", 1, 0, 1)
    device = Device("battery", -1, 1, stock, 0.9, 0.9)
    price = np.array([-10.0])
    problem = Problem(1, 1.0, (device,), (), (energy("energy", (device,), price, price, 1.0),))
    assert optimise(problem, solver).power[device] == pytest.approx([0], abs=1e-6)


def test_losses_may_burn_energy_over_time(solver: str) -> None:
    """Discharging and charging in turn is one direction at a time."""
    stock = Stock("battery", 1, 0, 1)
    device = Device("battery", -1, 1, stock, 0.9, 0.9)
    price = np.array([-10.0, -10.0])
    problem = Problem(2, 1.0, (device,), (), (energy("energy", (device,), price, price, 1.0),))
    plan = optimise(problem, solver)
    assert plan.power[device] == pytest.approx([-0.81, 1], abs=1e-6)
    assert plan.total() == pytest.approx(-1.9)


def test_gains_through_a_cycle_are_not_to_be_had_within_a_slot(solver: str) -> None:
    """A coefficient of performance above 1 both ways would make energy out of nothing."""
    stock = Stock("heat", 0, 0, 10)
    device = Device("reversible", -1, 1, stock, up_efficiency=3)
    price = np.array([10.0, 10.0])
    problem = Problem(2, 1.0, (device,), (), (energy("energy", (device,), price, price, 1.0),))
    plan = optimise(problem, solver)
    assert plan.power[device] == pytest.approx([1 / 3, -1], abs=1e-6)


def test_import_and_export_exclude_each_other(solver: str) -> None:
    """Selling dearer than buying pays for what is there, not for a circle through the meter."""
    stock = Stock("battery", 1, 0, 2)
    devices = (Device("battery", -1, 1, stock), fixed("load", [0.25, 0.25]))
    paid = energy("energy", devices, np.array([10.0, 10.0]), np.array([30.0, 20.0]), 1.0)
    problem = Problem(2, 1.0, devices, (), (paid,))
    plan = optimise(problem, solver)
    assert plan.power[devices[0]] == pytest.approx([-1, 0], abs=1e-6)
    assert plan.total() == pytest.approx(-0.75 * 30 + 0.25 * 10)
    assert_sound(problem, plan)


def test_selling_dearer_than_buying_while_full_at_no_cost(solver: str) -> None:
    """Feasible beyond doubt, though Cbc's preprocessing says otherwise."""
    battery, tank = Stock("battery", 0, 0, 1), Stock("tank", 0.1, 0, 1)
    devices = (Device("battery", -0.5, 0.5, battery), Device("tank", -0.1, 0, tank, 1, 0.9))
    bought, sold = np.array([-10.0, 10, 0, -10]), np.array([-5.0, 10, 0, -10])
    problem = Problem(4, 0.25, devices, (), (energy("energy", devices, bought, sold, 0.25),))
    plan = optimise(problem, solver)
    assert plan.total() == pytest.approx(-4)
    assert_sound(problem, plan)


def test_a_stock_shared_by_two_devices(solver: str) -> None:
    """A charger and a generator on one tank; either may run, also at the same time."""
    stock = Stock("tank", 0, 0, 2)
    fill = Device("fill", 0, 1, stock, up_efficiency=0.5)
    empty = Device("empty", -1, 0, stock)
    price = np.array([1.0, 1.0, 50.0])
    paid = energy("energy", (fill, empty), price, price, 1.0)
    plan = optimise(Problem(3, 1.0, (fill, empty), (), (paid,)), solver)
    assert plan.power[fill] + plan.power[empty] == pytest.approx([1, 1, -1], abs=1e-6)
    assert plan.levels[stock] == pytest.approx([0.5, 1, 0], abs=1e-6)


def test_nested_groups(solver: str) -> None:
    devices = tuple(Device(f"pv {i}", -2.0, 0.0) for i in range(3))
    groups = (Group("string", devices[:2], -3.0), Group("site", devices, -4.5))
    paid = energy("energy", devices, np.array([10.0]), np.array([10.0]), 1.0)
    plan = optimise(Problem(1, 1.0, devices, groups, (paid,)), solver)
    assert sum(plan.power.values()) == pytest.approx([-4.5])
    assert plan.power[devices[0]] + plan.power[devices[1]] >= -3 - 1e-6


def test_higher_ranks_go_first(solver: str) -> None:
    """Money would discharge at once; the wish to hold 2 MWh comes first, and is granted half."""
    stock = Stock("battery", 0.5, 0, 4)
    device = Device("battery", -0.5, 0.5, stock)
    price = np.array([100.0, 1.0])
    wish = Commitment("wish", stock, at(2, {2: 2}), 1.0, -1.0, rank=1)
    paid = energy("energy", (device,), price, price, 1.0)
    plan = optimise(Problem(2, 1.0, (device,), (), (paid, wish)), solver)
    assert plan.power[device] == pytest.approx([0.5, 0.5], abs=1e-6)
    assert plan.costs[wish] == pytest.approx(0.5, abs=1e-6)

    easy = Commitment("wish", stock, at(2, {2: 0.5}), 1.0, -1.0, rank=1)
    plan = optimise(Problem(2, 1.0, (device,), (), (paid, easy)), solver)
    assert plan.power[device] == pytest.approx([-0.5, 0.5], abs=1e-6)


def test_value_of_what_is_left(solver: str) -> None:
    stock = Stock("battery", 1, 0, 4)
    device = Device("battery", -1, 1, stock)
    price = np.array([30.0, 10.0])
    paid = energy("energy", (device,), price, price, 1.0)
    left = Commitment("left", stock, at(2, {2: 0}), up_price=-20.0, down_price=-20.0)
    plan = optimise(Problem(2, 1.0, (device,), (), (paid, left)), solver)
    assert plan.power[device] == pytest.approx([-1, 1], abs=1e-6)
    assert plan.costs[left] == pytest.approx(-20)


def test_infeasible(solver: str) -> None:
    stock = Stock("battery", 0, at(2, {2: 3}, 0.0), 4)
    device = Device("battery", -1, 1, stock)
    with pytest.raises(Infeasible):
        optimise(Problem(2, 1.0, (device,)), solver)


def test_infeasible_group_is_named(solver: str) -> None:
    load = fixed("load", [1.0, 3.0])
    with pytest.raises(Infeasible, match=r"The limits of grid \[1\] exclude each other"):
        optimise(Problem(2, 1.0, (load,), (Group("grid", (load,), -2.0, 2.0),)), solver)


def test_only_fixed_devices(solver: str) -> None:
    load = fixed("load", [1.0, 2.0])
    price = np.array([10.0, 20.0])
    paid = energy("energy", (load,), price, price, 0.5)
    plan = optimise(Problem(2, 0.5, (load,), (), (paid,)), solver)
    assert plan.power[load] == pytest.approx([1, 2])
    assert plan.total() == pytest.approx(25)


def test_many_equal_optima_still_make_a_plan(solver: str) -> None:
    stock = Stock("battery", 0, at(4, {4: 0.5}, 0.0), 1)
    device = Device("battery", 0, 1, stock)
    problem = Problem(
        4, 0.25, (device,), (), (energy("e", (device,), np.zeros(4), np.zeros(4), 0.25),)
    )
    plan = optimise(problem, solver)
    assert plan.levels[stock][-1] == pytest.approx(0.5, abs=1e-6)
    assert_sound(problem, plan)


def test_time_limit_of_all_together(solver: str) -> None:
    stock = Stock("battery", 0, 0, 1)
    device = Device("battery", -1, 1, stock)
    problem = Problem(
        4, 0.25, (device,), (), (energy("e", (device,), np.ones(4), np.ones(4), 0.25),)
    )
    assert optimise(problem, solver, Options(time_limit=30)).status is Status.OPTIMAL


def test_stretches(solver: str) -> None:
    limits, prices = np.array([1, 1, 2, 2, 1]), np.array([5, 5, 5, 6, 6])
    assert stretches(limits, prices).tolist() == [0, 0, 1, 2, 3]
