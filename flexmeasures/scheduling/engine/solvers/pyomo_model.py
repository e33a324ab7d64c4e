"""Programs as Pyomo models, and the solvers that Pyomo drives by itself."""

from __future__ import annotations

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
    import pyomo.environ as pyo


_OPTIONS = {
    "glpk": {"gap": "mipgap", "time": "tmlim"},
    "cplex": {"gap": "mip_tolerances_mipgap", "time": "timelimit"},
}
_AMBIGUOUS = ("unbounded", "infeasibleOrUnbounded", "other")
_TIMED_OUT = ("maxTimeLimit", "maxIterations", "feasible")


def to_pyomo(program: Program, cost: np.ndarray) -> pyo.ConcreteModel:
    """A model with variables x[0], x[1], ..., constraints rows[0], ... and the objective `cost`.

    Rows come from the matrix, which takes a fiftieth of the time of rules with operators.
    """
    from pyomo.core import Binary, ConcreteModel, Objective, Var
    from pyomo.core.expr.numeric_expr import LinearExpression

    from flexmeasures.scheduling.engine.solvers.pyomo_rows import MatrixRows

    model = ConcreteModel()
    model.x = Var(range(program.variable_count))
    variables = list(model.x.values())
    limits = zip(variables, _bounds(program.lower), _bounds(program.upper), strict=True)
    for variable, lower, upper in limits:
        variable.setlb(lower)
        variable.setub(upper)
    for index in np.flatnonzero(program.binary).tolist():
        variables[index].domain = Binary
    model.rows = MatrixRows(
        program.coefficients.tolist(),
        program.columns.tolist(),
        program.starts.tolist(),
        _bounds(program.row_lower),
        _bounds(program.row_upper),
        variables,
    )
    priced = np.flatnonzero(cost).tolist()
    model.cost = Objective(
        expr=LinearExpression(
            linear_coefs=cost[priced].tolist(),
            linear_vars=[variables[column] for column in priced],
        )
    )
    return model


def _bounds(values: np.ndarray) -> list[float | None]:
    """Numbers, with None for unlimited."""
    bounds: list[float | None] = values.tolist()
    for index in np.flatnonzero(np.isinf(values)).tolist():
        bounds[index] = None
    return bounds


def solve_with(name: str, program: Program, cost: np.ndarray, options: Options) -> Solution:
    """Let Pyomo drive one of the solvers that it knows by name."""
    import pyomo.environ as pyo

    solver = pyo.SolverFactory(name, executable=options.executable)
    if name == "cplex" and not solver.available(exception_flag=False):
        solver = pyo.SolverFactory("cplex_direct")  # The package from PyPI has no program to run.
    if not solver.available(exception_flag=False):
        raise SolverNotFound(
            f"The solver {name} is not installed: install it, or choose another solver (cbc, highs)"
            " by the setting FLEXMEASURES_LP_SOLVER."
        )
    model = to_pyomo(program, cost)
    names = _OPTIONS[name]
    if name == "glpk":
        # Its presolver overlooks violations of a thousandth.
        solver.options["nopresol"] = ""
    if program.binary.any():
        solver.options[names["gap"]] = options.gap(program)
    if options.time_limit is not None:
        solver.options[names["time"]] = max(1, round(options.time_limit))
    results = _run(solver, model)
    if str(results.solver.termination_condition) in _AMBIGUOUS:
        # An infeasible program may go by these names, too, as Pyomo misreads GLPK: without costs,
        # nothing can be unbounded.
        costless = _run(solver, to_pyomo(program, np.zeros_like(cost)))
        if str(costless.solver.termination_condition) in ("infeasible", "unbounded"):
            return Solution(Status.INFEASIBLE)
    return _answer(name, model, program, results)


def _run(solver, model):  # type: ignore[no-untyped-def]
    try:
        return solver.solve(model, load_solutions=False)
    except Exception as error:  # Pyomo raises whatever the parsing of a solver's output raises.
        raise SolverError(f"The solver {solver.name} failed: {error}") from error


def _answer(name: str, model: pyo.ConcreteModel, program: Program, results) -> Solution:  # type: ignore[no-untyped-def]
    condition = str(results.solver.termination_condition)
    if condition == "infeasible":
        return Solution(Status.INFEASIBLE)
    if condition in ("unbounded", "infeasibleOrUnbounded"):
        return Solution(Status.UNBOUNDED)
    timed_out = condition in _TIMED_OUT
    if condition != "optimal" and not timed_out:
        raise SolverError(f"The solver {name} stopped without a solution: {condition}.")
    if not len(results.solution) or not len(results.solution(0).variable):
        if timed_out:
            raise SolverTimeout(f"The solver {name} found no solution within its time limit.")
        raise SolverError(f"The solver {name} reports success, but no solution.")
    model.solutions.load_from(results)
    return Solution(Status.FEASIBLE if timed_out else Status.OPTIMAL, _values(model, program))


def _values(model: pyo.ConcreteModel, program: Program) -> np.ndarray:
    """The solution in a model; what no row or cost mentions is as near to 0 as it may be."""
    found = np.array([np.nan if x.value is None else x.value for x in model.x.values()])
    return np.where(np.isnan(found), np.clip(0, program.lower, program.upper), found)
