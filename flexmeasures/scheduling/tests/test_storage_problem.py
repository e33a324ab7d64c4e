"""Plans for arrays: whatever is asked for, physics hold, and nothing else spoils wishes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexmeasures.scheduling.engine.solvers import Options
from flexmeasures.scheduling.storage_problem import StorageCase, StoragePlan, plan_storage

TIGHT = 2e-6


def levels_of(case: StorageCase, power: np.ndarray) -> np.ndarray:
    stored = np.where(power > 0, power * case.efficiency, power / case.efficiency)
    return case.soc_at_start + np.cumsum(stored) * case.hours


def reachable(case: StorageCase, slots: int) -> tuple[float, float]:
    """Lowest and highest level that can be had at the end of some slot, from within the limits."""
    down = slots * case.hours * case.power_min / case.efficiency
    up = slots * case.hours * case.power_max * case.efficiency
    return (
        max(case.soc_min, case.soc_at_start + down),
        min(case.soc_max, case.soc_at_start + up),
    )


@st.composite
def cases(draw: st.DrawFn) -> StorageCase:
    slots = draw(st.integers(1, 12))
    tenths = st.integers(0, 40).map(lambda number: number / 10)
    low, start, high = sorted(draw(st.lists(tenths, min_size=3, max_size=3)))
    targets = np.full(slots, np.nan)
    for slot in draw(st.sets(st.integers(0, slots - 1), max_size=3)):
        targets[slot] = draw(tenths)
    floats = st.integers(-20, 60).map(float)
    price = np.array(draw(st.lists(floats, min_size=slots, max_size=slots)))
    return StorageCase(
        slots=slots,
        hours=draw(st.sampled_from([0.25, 1.0])),
        power_min=-draw(tenths),
        power_max=draw(tenths),
        efficiency=draw(st.sampled_from([1.0, 0.9])),
        soc_at_start=start,
        soc_min=low,
        soc_max=high,
        targets=targets,
        inflexible={},
        site_capacity=np.inf,
        consumption_price=price,
        production_price=price - draw(st.sampled_from([0.0, 5.0])),
    )


def assert_physics(case: StorageCase, plan: StoragePlan) -> None:
    assert (plan.power >= case.power_min - TIGHT).all()
    assert (plan.power <= case.power_max + TIGHT).all()
    assert plan.levels == pytest.approx(levels_of(case, plan.power), abs=TIGHT)


@settings(max_examples=80, deadline=None)
@given(case=cases(), solver=st.sampled_from(["highs", "highs", "highs", "cbc"]))
def test_the_first_target_is_missed_by_what_cannot_be_reached(
    case: StorageCase, solver: str
) -> None:
    plan = plan_storage(case, solver, Options())
    assert_physics(case, plan)
    assert (plan.levels >= case.soc_min - TIGHT).all()
    assert (plan.levels <= case.soc_max + TIGHT).all()
    wanted = np.flatnonzero(~np.isnan(case.targets))
    if wanted.size:
        first = int(wanted[0])
        lowest, highest = reachable(case, first + 1)
        possible = float(np.clip(case.targets[first], lowest, highest))
        assert plan.levels[first] == pytest.approx(possible, abs=TIGHT)
    missed = {miss.tick: miss.size for miss in plan.misses if miss.limit == "soc-targets"}
    for slot in wanted.tolist():
        distance = abs(plan.levels[slot] - case.targets[slot])
        assert missed.get(slot + 1, 0) == pytest.approx(distance, abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(case=cases(), excess=st.integers(1, 20).map(lambda number: number / 10), above=st.booleans())
def test_a_start_outside_is_brought_back_as_fast_as_power_allows(
    case: StorageCase, excess: float, above: bool
) -> None:
    start = case.soc_max + excess if above else case.soc_min - excess
    case = replace(case, soc_at_start=start, targets=np.full(case.slots, np.nan))
    plan = plan_storage(case, "highs", Options())
    assert_physics(case, plan)
    down = case.hours * case.power_min / case.efficiency
    up = case.hours * case.power_max * case.efficiency
    step = down if above else up
    for slot, level in enumerate(plan.levels.tolist(), start=1):
        if above:
            assert level <= max(case.soc_max, start + slot * step) + TIGHT
        else:
            assert level >= min(case.soc_min, start + slot * step) - TIGHT
    assert plan.misses[0].tick == 0
    assert plan.misses[0].limit == ("soc-max" if above else "soc-min")
    assert plan.misses[0].size == pytest.approx(excess)


@settings(max_examples=40, deadline=None)
@given(case=cases(), load=st.integers(-60, 60).map(lambda number: number / 10))
def test_the_connection_is_overloaded_by_others_only(case: StorageCase, load: float) -> None:
    case = replace(case, site_capacity=2.0, inflexible={"load": np.full(case.slots, load)})
    plan = plan_storage(case, "highs", Options())
    assert_physics(case, plan)
    excess = np.abs(plan.power + load) - case.site_capacity
    overloaded = {miss.tick for miss in plan.misses if miss.limit == "site-capacity"}
    assert set(np.flatnonzero(excess > 1e-5).tolist()) <= overloaded
    assert overloaded <= set(np.flatnonzero(excess > 1e-7).tolist())
    assert (excess <= max(abs(load) - case.site_capacity, 0) + TIGHT).all()


def test_energy_cost_of_import_and_export() -> None:
    case = StorageCase(
        slots=2,
        hours=0.5,
        power_min=-1,
        power_max=1,
        efficiency=1,
        soc_at_start=1,
        soc_min=0,
        soc_max=2,
        targets=np.full(2, np.nan),
        inflexible={"a": np.array([0.5, 0.25]), "b": np.array([0.5, 0.25])},
        site_capacity=np.inf,
        consumption_price=np.array([10.0, 20.0]),
        production_price=np.array([4.0, 6.0]),
    )
    assert case.energy_cost(np.array([1.0, -1.0])) == pytest.approx(0.5 * (2 * 10 - 0.5 * 6))
