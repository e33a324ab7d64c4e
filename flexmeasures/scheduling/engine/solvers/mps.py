"""Our Pyomo models as MPS files in free format.

Variables are called c0, c1, ...; r0 is the objective, and the rows are r1, r2, ... Each section is
one format string for all of its lines, which is as fast as text gets in Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from flexmeasures.scheduling.engine.program import Program

if TYPE_CHECKING:
    import pyomo.environ as pyo


def to_mps(model: pyo.ConcreteModel, program: Program) -> str:
    """The text of the file, for the model that `to_pyomo` makes of a program.

    Bounds of variables are those of the program: asking thousands of variables for theirs takes
    longer than writing them down.
    """
    lower, upper = (np.array(limits, dtype=float) for limits in model.rows.limits())  # None is nan
    equal, most, free = lower == upper, np.isnan(lower), np.isnan(lower) & np.isnan(upper)
    senses = np.select([free, equal, most], ["N", "E", "L"], default="G")
    right = np.select([free, most], [0.0, upper], default=lower)
    ranged = ~(equal | most | np.isnan(upper))
    return "".join(
        [
            # "FREE" matters: some versions of Cbc read a free-format file wrongly without it.
            "NAME plan FREE\nROWS\n N r0\n",
            _lines(" %s r%d\n", senses.tolist(), range(1, len(senses) + 1)),
            "COLUMNS\n",
            _lines(" c%d r%d %s\n", *_entries(model)),
            "RHS\n",
            _by_index(" rhs r%d %r\n", right != 0, right, first=1),
            "RANGES\n" if ranged.any() else "",
            _by_index(" rng r%d %r\n", ranged, upper - lower, first=1),
            "BOUNDS\n",
            *_bounds(program.lower, program.upper, program.binary),
            "ENDATA\n",
        ]
    )


def _entries(model: pyo.ConcreteModel) -> tuple[list[int], list[int], list[str]]:
    """Variable, row and coefficient of the entries of objective and rows, variable by variable."""
    starts, columns, coefficients = model.rows.matrix()
    cost = model.cost.expr
    column = np.array([*(variable.index() for variable in cost.linear_vars), *columns], dtype=int)
    value = np.array([*cost.linear_coefs, *coefficients], dtype=float)
    per_row = np.append(len(cost.linear_vars), np.diff(starts))
    row = np.repeat(np.arange(len(per_row)), per_row)
    # A variable exists by being mentioned.
    absent = np.flatnonzero(np.bincount(column, minlength=len(model.x)) == 0)
    column, row = np.append(column, absent), np.append(row, np.zeros(len(absent), dtype=int))
    value = np.append(value, np.zeros(len(absent)))
    order = np.argsort(column, kind="stable")
    # Few numbers occur many times, and writing a number takes longer than sorting it.
    numbers, which = np.unique(value[order], return_inverse=True)
    texts = [repr(number) for number in numbers.tolist()]
    return column[order].tolist(), row[order].tolist(), [texts[index] for index in which.tolist()]


def _bounds(lower: np.ndarray, upper: np.ndarray, binary: np.ndarray) -> list[str]:
    """Bounds of each kind; a lower bound of 0 goes without saying, below a positive upper bound."""
    endless_below, endless_above = np.isinf(lower), np.isinf(upper)
    fixed = (lower == upper) & ~binary
    free = endless_below & endless_above
    rest = ~(binary | fixed | free)
    # A negative upper bound alone would shift the lower one: lower bounds go first.
    return [
        _by_index(" BV b c%d\n", binary),
        _by_index(" FX b c%d %r\n", fixed, lower),
        _by_index(" FR b c%d\n", free),
        _by_index(" MI b c%d\n", rest & endless_below),
        _by_index(" LO b c%d %r\n", rest & ~endless_below & ~((lower == 0) & (upper > 0)), lower),
        _by_index(" UP b c%d %r\n", rest & ~endless_above, upper),
    ]


def _by_index(line: str, chosen: np.ndarray, *values: np.ndarray, first: int = 0) -> str:
    index = np.flatnonzero(chosen)
    return _lines(line, (index + first).tolist(), *(value[index].tolist() for value in values))


def _lines(line: str, *columns: Sequence[Any]) -> str:
    """One line per index of the columns."""
    return (line * len(columns[0])) % tuple(chain.from_iterable(zip(*columns, strict=True)))
