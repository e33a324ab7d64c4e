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


def to_pyomo(program: Program, cost: np.ndarray) -> pyo.ConcreteModel:
    """A model with variables x[0], x[1], ..., constraints rows[0], ... and the objective `cost`.

    Made from matrix rows, one linear expression each, which takes a tenth of the time of rules with
    operators.
    """
    from pyomo.core import Binary, ConcreteModel, Constraint, Objective, Var
    from pyomo.core.expr.numeric_expr import LinearExpression

    model = ConcreteModel()
    model.x = Var(range(program.variable_count))
    variables = list(model.x.values())
    for variable, lower, upper in zip(variables, _bounds(program.lower), _bounds(program.upper)):
        variable.setlb(lower)
        variable.setub(upper)
    for index in np.flatnonzero(program.binary).tolist():
        variables[index].domain = Binary

    starts, columns = program.starts.tolist(), program.columns.tolist()
    coefficients = program.coefficients.tolist()
    row_lower, row_upper = _bounds(program.row_lower), _bounds(program.row_upper)

    def row(_: pyo.ConcreteModel, index: int) -> tuple:
        entries = slice(starts[index], starts[index + 1])
        expression = LinearExpression(
            linear_coefs=coefficients[entries],
            linear_vars=[variables[column] for column in columns[entries]],
        )
        return row_lower[index], expression, row_upper[index]

    model.rows = Constraint(range(program.row_count), rule=row)
    priced = np.flatnonzero(cost)
    model.cost = Objective(
        expr=LinearExpression(
            linear_coefs=cost[priced].tolist(),
            linear_vars=[variables[column] for column in priced.tolist()],
        )
    )
    return model


def _bounds(values: np.ndarray) -> list[float | None]:
    """Numbers, with None for unlimited."""
    bounds: list[float | None] = values.tolist()
    for index in np.flatnonzero(np.isinf(values)).tolist():
        bounds[index] = None
    return bounds


def values_of(model: pyo.ConcreteModel, program: Program) -> np.ndarray:
    """The solution that is loaded in a model.

    Variables that no row or cost mentions have none; their value that is nearest to 0 will do.
    """
    found = np.array([np.nan if x.value is None else x.value for x in model.x.values()])
    return np.where(np.isnan(found), np.clip(0, program.lower, program.upper), found)


def solve_with(name: str, program: Program, cost: np.ndarray, options: Options) -> Solution:
    """Let Pyomo drive one of the solvers that it knows by name."""
    import pyomo.environ as pyo

    solver = pyo.SolverFactory(name, executable=options.executable)
    if not solver.available(exception_flag=False):
        raise SolverNotFound(
            f"The solver {name} is not installed: install it, or choose another solver (cbc, highs)"
            " by the setting FLEXMEASURES_LP_SOLVER."
        )
    model = to_pyomo(program, cost)
    gap = {"glpk": "mipgap", "cplex": "mip_tolerances_mipgap"}.get(name)
    if gap and program.binary.any():
        solver.options[gap] = options.mip_gap
    results = _run(solver, model, options)
    if results.solver.termination_condition == pyo.TerminationCondition.other:
        # GLPK's presolver says so where the simplex method knows better.
        solver.options["nopresol"] = ""
        results = _run(solver, model, options)
    return _answer(name, model, program, results)


def _run(solver, model, options: Options):  # type: ignore[no-untyped-def]
    limit = {} if options.time_limit is None else {"timelimit": max(1, round(options.time_limit))}
    try:
        return solver.solve(model, load_solutions=False, **limit)
    except Exception as error:  # Pyomo raises whatever the parsing of a solver's output raises.
        raise SolverError(f"The solver {solver.name} failed: {error}") from error


def _answer(name: str, model: pyo.ConcreteModel, program: Program, results) -> Solution:  # type: ignore[no-untyped-def]
    from pyomo.environ import TerminationCondition as Termination

    condition = results.solver.termination_condition
    if condition == Termination.infeasible:
        return Solution(Status.INFEASIBLE)
    if condition == Termination.unbounded:
        return Solution(Status.UNBOUNDED)
    timed_out = condition in (Termination.maxTimeLimit, Termination.maxIterations)
    if condition != Termination.optimal and not timed_out:
        raise SolverError(f"The solver {name} stopped without a solution: {condition}.")
    if not len(results.solution) or not len(results.solution(0).variable):
        if timed_out:
            raise SolverTimeout(f"The solver {name} found no solution within its time limit.")
        raise SolverError(f"The solver {name} reports success, but no solution.")
    model.solutions.load_from(results)
    return Solution(Status.FEASIBLE if timed_out else Status.OPTIMAL, values_of(model, program))
