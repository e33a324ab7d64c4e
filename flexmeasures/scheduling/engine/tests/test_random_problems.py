"""Random problems: every solver finds the same cost, and no plan breaks a limit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flexmeasures.scheduling.engine.check import check
from flexmeasures.scheduling.engine.commitments import energy, peak, soft_limit
from flexmeasures.scheduling.engine.formulation import formulate
from flexmeasures.scheduling.engine.optimise import Infeasible, optimise
from flexmeasures.scheduling.engine.problem import Commitment, Device, Group, Problem, Stock
from flexmeasures.scheduling.engine.solvers import Options, SolverError, Status, solve
from flexmeasures.scheduling.engine.tests.conftest import INSTALLED

EXACTLY = Options(mip_gap=1e-9)


def tenths(low: int, high: int) -> st.SearchStrategy[float]:
    return st.integers(low, high).map(lambda number: number / 10)


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    slots = draw(st.integers(1, 6))
    hours = draw(st.sampled_from([0.25, 1.0, 1 / 12]))

    def series(values: st.SearchStrategy[float]) -> np.ndarray:
        return np.array(draw(st.lists(values, min_size=slots, max_size=slots)))

    stocks, devices = [], []
    for number in range(draw(st.integers(1, 2))):
        low, high = draw(tenths(0, 5)), draw(tenths(10, 30))
        minimum = np.full(slots, low)
        if draw(st.booleans()):
            minimum[-1] = draw(tenths(0, 10))
        stocks.append(
            Stock(
                f"stock {number}",
                draw(tenths(0, 30)),
                minimum,
                high,
                retention=draw(st.sampled_from([1.0, 0.95])),
                gain=draw(st.sampled_from([0.0, -0.1])),
            )
        )
        devices.append(
            Device(
                f"storage {number}",
                -draw(tenths(0, 20)),
                draw(tenths(0, 20)),
                stocks[-1],
                draw(st.sampled_from([1.0, 0.9, 0.5])),
                draw(st.sampled_from([1.0, 0.9])),
            )
        )
    if draw(st.booleans()):
        devices.append(Device("second on stock 0", -0.5, 0.5, stocks[0]))
    if draw(st.booleans()):
        devices.append(Device("solar", -series(tenths(0, 20)), 0.0))
    load = series(tenths(-10, 10))
    devices.append(Device("load", load, load))
    everything = tuple(devices)
    groups = (
        (Group("site", everything, -draw(tenths(5, 40)), draw(tenths(5, 40))),)
        if draw(st.booleans())
        else ()
    )
    bought = series(st.integers(-50, 100).map(float))
    sold = bought - series(st.sampled_from([0.0, 10.0, -5.0]))
    commitments: list[Commitment] = [energy("energy", everything, bought, sold, hours)]
    if draw(st.booleans()):
        commitments.append(peak("peak", everything, np.full(slots, 7.0), 0.2))
    if draw(st.booleans()):
        commitments.extend(
            soft_limit(
                "full", stocks[0], np.full(slots, 300.0), hours, minimum=series(tenths(5, 9))
            )
        )
    return Problem(slots, hours, everything, groups, tuple(commitments))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(problem=problems())
def test_solvers_agree(problem: Problem) -> None:
    totals = {}
    for solver in INSTALLED:
        try:
            plan = optimise(problem, solver, EXACTLY)
        except Infeasible:
            totals[solver] = np.inf
            continue
        except SolverError:
            # Its preprocessing overlooks violations of a thousandth. We do not.
            assert solver == "glpk"
            continue
        findings = check(problem, plan.power)
        assert findings.violations == ()
        assert findings.total() == pytest.approx(plan.total())
        totals[solver] = plan.total()
    expected = totals.pop("highs")
    assert list(totals.values()) == pytest.approx([expected] * len(totals), rel=1e-5, abs=1e-5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(problem=problems())
def test_binary_variables_everywhere_change_nothing(problem: Problem) -> None:
    """Adding them where a relaxed plan moves both ways is as good as having them from the start."""
    everywhere = {device: np.ones(problem.slots, dtype=bool) for device in problem.devices}
    solution = solve(formulate(problem, exclusive=everywhere).program, "highs", EXACTLY)
    if solution.status is Status.INFEASIBLE:
        with pytest.raises(Infeasible):
            optimise(problem, "highs", EXACTLY)
    else:
        plan = optimise(problem, "highs", EXACTLY)
        assert plan.total() == pytest.approx(solution.objective, rel=1e-5, abs=1e-5)
