"""HiGHS, in this process: the matrix is handed over as it is."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    import highspy

_ROW_WISE = 2
_MINIMISE = 1


def solve(program: Program, cost: np.ndarray, options: Options) -> Solution:
    """Minimise `cost` over a program; its own cost is not looked at."""
    highs = _highs(options.gap(program), options.time_limit)
    highs.passModel(
        program.variable_count,
        program.row_count,
        len(program.columns),
        _ROW_WISE,
        _MINIMISE,
        0.0,
        cost,
        program.lower,
        program.upper,
        program.row_lower,
        program.row_upper,
        program.starts,
        program.columns,
        program.coefficients,
        program.binary.astype(np.int32),
    )
    highs.run()
    solution = _answer(highs)
    if not program.binary.any():
        return replace(solution, gap=0.0 if solution.status is Status.OPTIMAL else None)
    gap = float(highs.getInfo().mip_gap)
    return replace(solution, gap=gap if math.isfinite(gap) else None)


def _highs(gap: float, time_limit: float | None) -> highspy._core._Highs:
    """A fresh solver: that takes 0.1 ms, while the clock of a used one would run on."""
    try:
        import highspy
    except ImportError as error:
        raise SolverNotFound(
            "The solver HiGHS is not installed: `pip install highspy`, or choose another solver by"
            " the setting FLEXMEASURES_LP_SOLVER."
        ) from error
    highs = highspy._core._Highs()
    highs.setOptionValue("output_flag", False)
    # A pool of threads would not survive the fork of a worker.
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("mip_rel_gap", gap)
    if time_limit is not None:
        highs.setOptionValue("time_limit", time_limit)
    return highs


def _answer(highs: highspy._core._Highs) -> Solution:
    from highspy import HighsModelStatus as Model
    from highspy import SolutionStatus

    status = highs.getModelStatus()
    if status == Model.kOptimal:
        return Solution(Status.OPTIMAL, np.array(highs.getSolution().col_value))
    if status == Model.kUnboundedOrInfeasible:
        # Presolve cannot tell which; the simplex method can.
        highs.setOptionValue("presolve", "off")
        highs.run()
        status = highs.getModelStatus()
    if status == Model.kInfeasible:
        return Solution(Status.INFEASIBLE)
    if status == Model.kUnbounded:
        return Solution(Status.UNBOUNDED)
    if status == Model.kTimeLimit:
        if highs.getInfo().primal_solution_status == SolutionStatus.kSolutionStatusFeasible:
            return Solution(Status.FEASIBLE, np.array(highs.getSolution().col_value))
        raise SolverTimeout("HiGHS found no solution within its time limit.")
    raise SolverError(f"HiGHS stopped without a solution: {highs.modelStatusToString(status)}.")
