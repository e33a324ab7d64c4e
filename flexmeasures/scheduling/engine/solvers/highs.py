"""HiGHS, in this process: the matrix is handed over as it is."""

from __future__ import annotations

import threading
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
_per_thread = threading.local()


def solve(program: Program, cost: np.ndarray, options: Options) -> Solution:
    """Minimise `cost` over a program; its own cost is not looked at."""
    highs = _highs()
    highs.setOptionValue("mip_rel_gap", options.mip_gap)
    # The clock of a solver object runs on from one program to the next.
    limit = np.inf if options.time_limit is None else highs.getRunTime() + options.time_limit
    highs.setOptionValue("time_limit", limit)
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
    return _answer(highs)


def _highs() -> highspy._core._Highs:
    """One solver object per thread, as making one takes longer than solving a day."""
    if not hasattr(_per_thread, "highs"):
        try:
            import highspy
        except ImportError as error:
            raise SolverNotFound(
                "The solver HiGHS is not installed: `pip install highspy`, or choose another solver"
                " by the setting FLEXMEASURES_LP_SOLVER."
            ) from error
        _per_thread.highs = highspy._core._Highs()
        _per_thread.highs.setOptionValue("output_flag", False)
        # A pool of threads would not survive the fork of a worker.
        _per_thread.highs.setOptionValue("threads", 1)
    return _per_thread.highs


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
        highs.setOptionValue("presolve", "choose")
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
