"""From programs to solutions: one model, any solver.

A solver is chosen by name:

    cbc                              through Pyomo; on the PATH, or the one that comes with PuLP
    highs, appsi_highs, highspy      HiGHS, in this process
    glpk, cplex                      through Pyomo, if they are installed

or by the path of its program (cbc, glpsol or cplex).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from flexmeasures.scheduling.engine.program import Program
from flexmeasures.scheduling.engine.solvers.common import (
    Options,
    Solution,
    SolverError,
    SolverNotFound,
    SolverTimeout,
    Status,
)

__all__ = [
    "Options",
    "Solution",
    "SolverError",
    "SolverNotFound",
    "SolverTimeout",
    "Status",
    "cost_to_solve",
    "solve",
]

Solver = Callable[[Program, np.ndarray, Options], Solution]

FEASIBILITY = 1e-5
"""Limits must hold to this share of their size (at least of 1), or the answer is not believed."""


def _cbc(program: Program, cost: np.ndarray, options: Options) -> Solution:
    from flexmeasures.scheduling.engine.solvers import cbc

    return cbc.solve(program, cost, options)


def _highs(program: Program, cost: np.ndarray, options: Options) -> Solution:
    from flexmeasures.scheduling.engine.solvers import highs

    return highs.solve(program, cost, options)


def _glpk(program: Program, cost: np.ndarray, options: Options) -> Solution:
    from flexmeasures.scheduling.engine.solvers import pyomo_model

    return pyomo_model.solve_with("glpk", program, cost, options)


def _cplex(program: Program, cost: np.ndarray, options: Options) -> Solution:
    from flexmeasures.scheduling.engine.solvers import pyomo_model

    return pyomo_model.solve_with("cplex", program, cost, options)


_SOLVERS: dict[str, Solver] = {
    "cbc": _cbc,
    "highs": _highs,
    "appsi_highs": _highs,
    "highspy": _highs,
    "glpk": _glpk,
    "glpsol": _glpk,
    "cplex": _cplex,
}


def solve(program: Program, solver: str = "cbc", options: Options | None = None) -> Solution:
    """Minimise a program.

    Returns a solution that is optimal, feasible (the best one when the time was up), infeasible or
    unbounded. Raises SolverNotFound, SolverTimeout (no solution in time) or SolverError (a crash,
    an answer that breaks limits).
    """
    run, options = _find(solver, options or Options())
    if program.contradiction():
        return Solution(Status.INFEASIBLE)
    if not (program.row_count and program.variable_count):
        # Rows without variables do not contradict, or we would not be here.
        return _by_bounds(program)
    solution = run(program, cost_to_solve(program), options)
    if solution.values is None:
        return solution
    try:
        _distrust(program, solution.values, solver)
    except SolverError as error:
        if solution.status is Status.FEASIBLE:
            raise SolverTimeout(f"{solver} found no solution within its time limit.") from error
        raise
    return replace(solution, objective=program.objective(solution.values))


def _find(solver: str, options: Options) -> tuple[Solver, Options]:
    name = solver
    if os.sep in solver:
        name = Path(solver).stem
        options = replace(options, executable=solver)
    try:
        return _SOLVERS[name.lower()], options
    except KeyError:
        raise SolverNotFound(
            f"Unknown solver '{solver}': FLEXMEASURES_LP_SOLVER must be one of"
            f" {', '.join(_SOLVERS)}, or the path of such a program."
        ) from None


def cost_to_solve(program: Program) -> np.ndarray:
    """The cost of a program, with small ones lifted above the tolerance of solvers (1e-7 per unit).

    Otherwise, differences that break ties may be too small to be seen.
    """
    largest = float(np.abs(program.cost).max(initial=0.0))
    return program.cost * max(1.0, 1000.0 / largest) if largest > 0 else program.cost


def _by_bounds(program: Program) -> Solution:
    """Without rows, every variable goes where it is cheapest."""
    nearest = np.clip(0.0, program.lower, program.upper)
    values = np.where(program.cost > 0, program.lower, nearest)
    values = np.where(program.cost < 0, program.upper, values)
    if not np.isfinite(values).all():
        return Solution(Status.UNBOUNDED)
    return Solution(Status.OPTIMAL, values, program.objective(values), gap=0.0)


def _distrust(program: Program, values: np.ndarray, solver: str) -> None:
    """Raise SolverError if values are not a solution."""
    if not np.isfinite(values).all():
        raise SolverError(f"The solver {solver} returned values that are no numbers.")
    for reached, lower, upper in (
        (values, program.lower, program.upper),
        (program.activities(values), program.row_lower, program.row_upper),
    ):
        excess = np.maximum(lower - reached, reached - upper)
        if (excess > FEASIBILITY * np.maximum(1, np.abs(reached))).any():
            raise SolverError(
                f"The solver {solver} returned a solution that breaks limits by {excess.max():.3g}."
            )
