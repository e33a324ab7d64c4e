"""Random sites: plans are as good as an independent optimum, and keep all that can be kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st

from flexmeasures.scheduling.engine.check import check
from flexmeasures.scheduling.engine.problem import Device, Problem, Stock
from flexmeasures.scheduling.engine.solvers import Options, SolverTimeout
from flexmeasures.scheduling.site_problem import DeviceCase, SiteCase, SitePlan, plan_site
from flexmeasures.scheduling.tests.cases import site_case, stock_case
from flexmeasures.scheduling.tests.oracle import Undecided, optimum

EXACTLY = Options(mip_gap=1e-9)
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


def tenths(low: int, high: int) -> st.SearchStrategy[float]:
    return st.integers(low, high).map(lambda number: number / 10)


@st.composite
def sites(
    draw: st.DrawFn,
    least: int = 1,
    most: int = 5,
    devices: int = 3,
    prefer: bool = False,
    resale: bool = True,
) -> SiteCase:
    """Storage (some share a stock), heat pumps, solar panels, and wishes of all kinds.

    prefer : whether devices have preferences
    resale : whether energy may at times be sold dearer than it is bought
    """
    slots = draw(st.integers(least, most))

    def series(values: st.SearchStrategy[float]) -> np.ndarray:
        return np.array(draw(st.lists(values, min_size=slots, max_size=slots)))

    def power() -> float | np.ndarray:
        return series(tenths(0, 20)) if draw(st.booleans()) else draw(tenths(0, 20))

    def wishes() -> dict[int, float]:
        return draw(st.dictionaries(st.integers(1, slots), tenths(0, 30), max_size=2))

    def storage(number: int) -> DeviceCase:
        low, high = sorted([draw(tenths(0, 10)), draw(tenths(5, 30))])
        stock = stock_case(
            slots,
            draw(tenths(0, 30)),
            low,
            high,
            name=f"stock {number}",
            minima=wishes() if draw(st.booleans()) else None,
            maxima=wishes() if draw(st.booleans()) else None,
            targets=wishes() if draw(st.booleans()) else None,
            retention=draw(st.sampled_from([1.0, 1.0, 0.95, 0.5])),
            gain=draw(st.sampled_from([0.0, 0.0, -0.3, 0.8])),
        )
        return DeviceCase(
            f"storage {number}",
            power(),
            power(),
            stock,
            draw(st.sampled_from([1.0, 0.9, 2.5])),
            draw(st.sampled_from([1.0, 0.8])),
            prefer_charging_sooner=prefer,
        )

    chosen: list[DeviceCase] = []
    for number in range(draw(st.integers(1, devices))):
        kind = draw(st.sampled_from(["storage", "storage", "solar", "shared"]))
        sharing = next((device.stock for device in chosen if device.stock), None)
        if kind == "solar":
            chosen.append(
                DeviceCase(f"solar {number}", 0.0, power(), prefer_curtailing_later=prefer)
            )
        elif kind == "shared" and sharing is not None:
            chosen.append(
                DeviceCase(
                    f"shared {number}", power(), 0.0, sharing, 0.9, prefer_charging_sooner=prefer
                )
            )
        else:
            chosen.append(storage(number))
    bought = series(st.integers(-50, 100).map(float))
    return site_case(
        chosen,
        bought,
        bought - series(st.sampled_from([0.0, 10.0, -5.0] if resale else [0.0, 10.0])),
        hours=draw(st.sampled_from([0.25, 1.0])),
        load=series(tenths(-10, 10)) if draw(st.booleans()) else 0.0,
        import_max=draw(st.sampled_from([np.inf, 0.5, 2.0])),
        export_max=draw(st.sampled_from([np.inf, 0.0, 1.0])),
    )


def assert_physics(case: SiteCase, plan: SitePlan) -> None:
    """The engine's checker replays power limits and levels."""
    stocks = {
        s: Stock(s.name, s.at_start, -np.inf, np.inf, s.retention, s.gain) for s in case.stocks
    }
    devices = {
        device: Device(
            device.name,
            -case.array(device.production_max),
            case.array(device.consumption_max),
            None if device.stock is None else stocks[device.stock],
            device.charging_efficiency,
            device.discharging_efficiency,
        )
        for device in case.devices
    }
    problem = Problem(case.slots, case.hours, tuple(devices.values()))
    findings = check(problem, {devices[device]: power for device, power in plan.power.items()})
    assert findings.violations == ()
    for stock, levels in plan.levels.items():
        assert levels[1:] == pytest.approx(findings.levels[stocks[stock]], abs=1e-6)
    assert plan.site == pytest.approx(sum(plan.power.values()) + case.load, abs=1e-6)
    # What others use beyond the capacity of the site may be relieved, never made worse.
    assert (plan.site <= np.maximum(case.import_max, case.load) + 1e-5).all()
    assert (plan.site >= np.minimum(-np.asarray(case.export_max), case.load) - 1e-5).all()


def missed(case: SiteCase, plan: SitePlan) -> list[float]:
    """Sum of misses by rank, as the oracle has it."""
    sums = [0.0] * 4
    for miss in plan.misses:
        if miss.stock is None:
            sums[1] += miss.size
        elif miss.limit in ("soc-min", "soc-max"):
            sums[0] += miss.size if miss.tick else 0.0
        else:
            targets = np.flatnonzero(~np.isnan(miss.stock.targets))
            first = miss.limit == "soc-targets" and miss.tick == targets[0] + 1
            sums[2 if first else 3] += miss.size
    return sums


def known_optimum(case: SiteCase) -> list[float]:
    try:
        return optimum(case)
    except Undecided:
        reject()


def limits_clash(plan: SitePlan) -> bool:
    """Emptying a stock too late and filling it too late: we miss less at first, not in all.

    So also a stock that starts empty, is filled at once, and overflows later by what flows in.
    """
    late = {miss.limit for miss in plan.misses if miss.tick}
    by_stock = {(miss.stock, miss.limit) for miss in plan.misses}
    both = any((stock, "soc-min") in by_stock for stock, limit in by_stock if limit == "soc-max")
    return both or {"soc-min", "soc-max"} <= late


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
@given(case=sites(), solver=st.sampled_from(["highs", "highs", "highs", "cbc"]))
def test_as_good_as_an_independent_optimum(case: SiteCase, solver: str) -> None:
    plan = plan_site(case, solver, EXACTLY)
    assert_physics(case, plan)
    assume(not limits_clash(plan))
    *wishes, cost = known_optimum(case)
    assert missed(case, plan) == pytest.approx(wishes, abs=1e-4)
    # A millionth of a MWh more or less of a wish is worth a ten-thousandth; losses multiply it.
    assert plan.cost == pytest.approx(cost, rel=1e-5, abs=1e-3)


@settings(max_examples=30, deadline=None, suppress_health_check=SLOW)
@given(case=sites(prefer=True))
def test_preferences_cost_next_to_nothing(case: SiteCase) -> None:
    """A thousandth of the price spread, for all energy that can flow."""
    plan = plan_site(case, "highs", EXACTLY)
    assume(not limits_clash(plan))
    *wishes, cost = known_optimum(case)
    assert missed(case, plan) == pytest.approx(wishes, abs=1e-4)
    spread = max(np.ptp(case.consumption_price), np.ptp(case.production_price), 1.0)
    flows = sum(
        case.array(device.consumption_max).sum() + case.array(device.production_max).sum()
        for device in case.devices
    )
    allowed = 2e-3 * spread * case.hours * flows
    assert cost - 3e-4 <= plan.cost <= cost + allowed + 3e-4


@settings(max_examples=6, deadline=None, suppress_health_check=SLOW)
@given(case=sites(least=36, most=48, devices=4, prefer=True, resale=False))
def test_large_sites_keep_what_can_be_kept(case: SiteCase) -> None:
    """However short the time: then it is money that is left out, or wishes."""
    try:
        plan = plan_site(case, "highs", Options(time_limit=8))
    except SolverTimeout:
        reject()
    assert_physics(case, plan)
    idle = replace(case, devices=())
    assert plan_site(idle, "highs", Options()).site == pytest.approx(case.load)
