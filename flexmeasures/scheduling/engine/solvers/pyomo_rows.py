"""Linear constraints in Pyomo that stay a sparse matrix."""

from __future__ import annotations

from typing import Any
from weakref import ref

from pyomo.core.base.constraint import IndexedConstraint
from pyomo.core.base.matrix_constraint import MatrixConstraint, _MatrixConstraintData


class MatrixRow(_MatrixConstraintData):
    """A row that can also tell its bounds and expression to the current generation of writers."""

    __slots__ = ()

    def to_bounded_expression(self, evaluate_bounds: bool = False) -> tuple[Any, Any, Any]:
        return self.lower, self.body, self.upper


class MatrixRows(MatrixConstraint):
    """Pyomo's constraints lower <= A x <= upper in one piece, without an expression per row.

    Pyomo's own class does not go with Pyomo's own writers any more; what is here mends that.
    """

    keys = IndexedConstraint.keys
    values = IndexedConstraint.values
    items = IndexedConstraint.items

    def construct(self, data: Any = None) -> None:
        self._constructed = True
        this = ref(self)
        self._data: dict[int, MatrixRow] = {
            row: MatrixRow(row, this) for row in range(len(self._lower))
        }

    def __iter__(self) -> Any:
        return iter(self._data)

    def matrix(self) -> tuple[list[int], list[int], list[float]]:
        """Row starts, columns and coefficients, as given."""
        return self._A_indptr, self._A_indices, self._A_data

    def limits(self) -> tuple[list[float | None], list[float | None]]:
        """Lower and upper bound of each row, as given."""
        return self._lower, self._upper
