"""Every solver understands every kind of bound and row, and says plainly what it cannot solve."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from flexmeasures.scheduling.engine.program import Builder, Program
from flexmeasures.scheduling.engine.solvers import (
    Options,
    Status,
    solve,
)
from flexmeasures.scheduling.engine.tests.conftest import INSTALLED

pytestmark = pytest.mark.parametrize("solver", INSTALLED)


def program(
    cost: list[float],
    lower: list[float],
    upper: list[float],
    rows: list[tuple[list[float], float, float]],
    binary: tuple[int, ...] = (),
) -> Program:
    build = Builder()
    x = np.array(
        [
            build.variables(f"x{i}", [low], [high], binary=i in binary)[0]
            for i, (low, high) in enumerate(zip(lower, upper, strict=True))
        ]
    )
    for coefficients, low, high in rows:
        build.rows("row", [(a, x[[i]]) for i, a in enumerate(coefficients)], low, high)
    build.add_cost(x, cost)
    return build.program()


@pytest.mark.parametrize(
    "cost, lower, upper, rows, values",
    [
        pytest.param([1, 1], [0, 0], [4, 4], [([1, 2], 3, 3)], [0, 1.5], id="equality"),
        pytest.param([1, 2], [0, 0], [4, 4], [([1, 1], 3, np.inf)], [3, 0], id="at least"),
        pytest.param([-1, -2], [0, 0], [4, 4], [([1, 1], -np.inf, 5)], [1, 4], id="at most"),
        pytest.param([1, 0], [-9, 0], [9, 1], [([1, 0.5], -3, 8)], [-3.5, 1], id="range, low end"),
        pytest.param([-1, 0], [-9, 0], [9, 1], [([1, 0.5], -3, 8)], [8, 0], id="range, high end"),
        pytest.param(
            [1, 1], [-np.inf, -5], [np.inf, -2], [([1, -1], 0, 0)], [-5, -5], id="free, negative"
        ),
        pytest.param(
            [-1, 1], [-np.inf, 0], [-2, 5], [([1, 1], 1, 9)], [-2, 3], id="no lower bound"
        ),
        pytest.param([1, 0], [2, -3], [2, -3], [([1, 1], -1, 7)], [2, -3], id="fixed"),
        pytest.param([1, 0], [0, 2], [9, 3], [([1, 0], 1, np.inf)], [1, 2], id="unmentioned"),
        pytest.param([-1, 0], [0, -1], [7, 0], [([1, 0], -np.inf, np.inf)], [7, 0], id="no limit"),
    ],
)
def test_optimum(
    cost: list[float],
    lower: list[float],
    upper: list[float],
    rows: list[tuple[list[float], float, float]],
    values: list[float],
    solver: str,
) -> None:
    solution = solve(program(cost, lower, upper, rows), solver)
    assert solution.status is Status.OPTIMAL
    assert solution.values is not None
    mentioned = [i for i in range(2) if cost[i] or any(row[0][i] for row in rows)]
    assert solution.values[mentioned] == pytest.approx(np.array(values)[mentioned], abs=1e-7)
    assert solution.objective == pytest.approx(np.dot(cost, values))


def test_binary_variables(solver: str) -> None:
    # Worth 5 and 4 and 3, weighing 2 and 3 and 1; 3 can be carried.
    knapsack = program([-5, -4, -3], [0] * 3, [1] * 3, [([2, 3, 1], -np.inf, 3)], (0, 1, 2))
    assert solve(knapsack, solver).values == pytest.approx([1, 0, 1])


def test_offset_counts(solver: str) -> None:
    costly = replace(program([1, 1], [1, 1], [2, 2], [([1, 1], 3, 9)]), offset=100.0)
    assert solve(costly, solver).objective == pytest.approx(103)


def test_small_differences_are_seen(solver: str) -> None:
    cheaper_later = program([2e-8, 1e-8], [0, 0], [1, 1], [([1, 1], 1, 1)])
    assert solve(cheaper_later, solver).values == pytest.approx([0, 1], abs=1e-7)


def test_without_rows(solver: str) -> None:
    solution = solve(program([1, -1, 0], [-1, -1, -1], [2, 2, 2], []), solver)
    assert solution.values == pytest.approx([-1, 2, 0])


@pytest.mark.parametrize(
    "problem",
    [
        pytest.param(([1, 1], [0, 0], [1, 1], [([1, 1], 3, np.inf)]), id="bounds"),
        pytest.param(([1, 1], [0, 0], [9, 9], [([1, 2], 3, 3), ([2, 4], 7, 7)]), id="equalities"),
        pytest.param(
            (
                [1, -1, 1],
                [-np.inf] * 3,
                [np.inf] * 3,
                [([1, -1, 0], 1, np.inf), ([0, 1, -1], 1, np.inf), ([-1, 0, 1], 1, np.inf)],
            ),
            id="in circles",
        ),
        pytest.param(([1, 1], [2, 0], [1, 1], [([1, 1], 0, 3)]), id="crossed bounds"),
        pytest.param(([1, 1], [0, 0], [1, 1], [([0, 0], 1, 3)]), id="empty row"),
        pytest.param(([1, 1], [0, 0], [1, 1], [([2, 2], 1, 1)], (0, 1)), id="no integer solution"),
        pytest.param(
            ([0, 0], [0, 0], [1, 1], [([1, 1], 0.4, 0.6), ([1, -1], 0, 0)], (0, 1)),
            id="no integer solution, at no cost",
        ),
    ],
)
def test_infeasible(problem: tuple, solver: str) -> None:
    assert solve(program(*problem), solver).status is Status.INFEASIBLE


@pytest.mark.parametrize(
    "problem",
    [
        pytest.param(([-1, 0], [0, 0], [np.inf, 1], [([1, 1], 1, np.inf)]), id="one"),
        pytest.param(
            ([-1, -1], [0, 0], [np.inf, np.inf], [([1, -1], 0, 0)]), id="two, tied together"
        ),
        pytest.param(([-1, 0], [0, 0], [np.inf, 1], []), id="without rows"),
        pytest.param(
            ([1, 0, 0], [-np.inf, 0, 0], [np.inf, 1, 1], [([1, 1, 1], -np.inf, 5)], (1, 2)),
            id="integers",
        ),
    ],
)
def test_unbounded(problem: tuple, solver: str) -> None:
    assert solve(program(*problem), solver).status is Status.UNBOUNDED


def hard_program(size: int = 60) -> Program:
    """A market split problem: easy to state, hopeless to prove, with an obvious solution of 0."""
    rng = np.random.default_rng(7)
    build = Builder()
    x = build.variables("x", np.zeros(size), 1, binary=True)
    miss = build.variables("miss", np.zeros(6), np.inf)
    for index in range(6):
        weights = rng.integers(0, 100, size)
        half = int(weights.sum()) // 2
        terms = [(float(w), x[[i]]) for i, w in enumerate(weights)]
        build.rows("over", [*terms, (-1, miss[[index]])], -np.inf, half)
        build.rows("under", [*terms, (1, miss[[index]])], half, np.inf)
    build.add_cost(miss, 1)
    return build.program()


def test_best_so_far_when_the_time_is_up(solver: str) -> None:
    started = time.monotonic()
    solution = solve(hard_program(), solver, Options(time_limit=1.0, mip_gap=0))
    assert time.monotonic() - started < 5
    assert solution.status is Status.FEASIBLE
    assert solution.objective is not None and solution.objective > 0
