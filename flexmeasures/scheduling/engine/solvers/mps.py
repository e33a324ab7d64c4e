"""Pyomo's standard form of a model as a free-format MPS file.

Columns are called c0, c1, ...; r0 is the objective, and the rows are r1, r2, ... Each section is one
format string for all of its lines, which is as fast as text gets in Python.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pyomo.repn.plugins.standard_form import LinearStandardFormInfo

_SENSE = {0: "E", 1: "L", -1: "G"}


def to_mps(form: LinearStandardFormInfo) -> str:
    """The text of the file (form: in mixed form, with one objective to minimise)."""
    from scipy.sparse import vstack

    matrix = vstack([form.c, form.A]).tocsc()
    per_column = np.diff(matrix.indptr)
    column = np.repeat(np.arange(matrix.shape[1]), per_column)
    right = np.flatnonzero(form.rhs)
    return "".join(
        [
            # "FREE" matters: some versions of Cbc read a free-format file wrongly without it.
            "NAME plan FREE\nROWS\n N r0\n",
            _lines(
                " %s r%d\n", [_SENSE[r.bound_type] for r in form.rows], range(1, len(form.rows) + 1)
            ),
            "COLUMNS\n",
            _lines(" c%d r%d %r\n", column.tolist(), matrix.indices.tolist(), matrix.data.tolist()),
            # Columns without entries must be mentioned, too.
            _lines(" c%d r0 0\n", np.flatnonzero(per_column == 0).tolist()),
            "RHS\n",
            _lines(" rhs r%d %r\n", (right + 1).tolist(), np.asarray(form.rhs)[right].tolist()),
            "BOUNDS\n",
            *_bounds(form.columns),
            "ENDATA\n",
        ]
    )


def _bounds(variables: list[Any]) -> list[str]:
    """Every bound is written, but the default lower bound of 0 of a variable that may not be negative."""
    lower = np.array([-np.inf if x.lb is None else x.lb for x in variables])
    upper = np.array([np.inf if x.ub is None else x.ub for x in variables])
    binary = np.array([x.is_binary() for x in variables])
    fixed = (lower == upper) & ~binary
    free = np.isinf(lower) & np.isinf(upper)
    rest = ~(binary | fixed | free)

    def section(kind: str, chosen: np.ndarray, values: np.ndarray | None = None) -> str:
        index = np.flatnonzero(chosen)
        if values is None:
            return _lines(f" {kind} b c%d\n", index.tolist())
        return _lines(f" {kind} b c%d %r\n", index.tolist(), values[index].tolist())

    # A negative upper bound alone would shift the lower one: lower bounds go first.
    return [
        section("BV", binary),
        section("FX", fixed, lower),
        section("FR", free),
        section("MI", rest & np.isinf(lower)),
        section("LO", rest & np.isfinite(lower) & ((lower != 0) | (upper <= 0)), lower),
        section("UP", rest & np.isfinite(upper), upper),
    ]


def _lines(line: str, *columns: Any) -> str:
    """One line per index of the columns."""
    return (line * len(columns[0])) % tuple(chain.from_iterable(zip(*columns)))
