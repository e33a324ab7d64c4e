"""A linear program, possibly with binary variables, as named blocks of plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from flexmeasures.scheduling.engine.arrays import filled

Term = tuple[ArrayLike, np.ndarray]
"""Coefficients and the variables they belong to; variable -1 stands for no term in that row."""

ROUNDING = 1e-9
"""By this much limits may cross, as a result of arithmetic."""


@dataclass(frozen=True)
class Program:
    """Minimise cost @ x + offset, with row_lower <= A @ x <= row_upper and lower <= x <= upper.

    A is stored by rows: those from `starts[i]` to `starts[i + 1]` of `columns` and `coefficients`
    are the entries of row i. A row names a variable once at most.

    binary : whether a variable must be 0 or 1
    variable_blocks, row_blocks : name and first index of each block, for explanations
    """

    cost: np.ndarray
    offset: float
    lower: np.ndarray
    upper: np.ndarray
    binary: np.ndarray
    starts: np.ndarray
    columns: np.ndarray
    coefficients: np.ndarray
    row_lower: np.ndarray
    row_upper: np.ndarray
    variable_blocks: tuple[tuple[str, int], ...] = ()
    row_blocks: tuple[tuple[str, int], ...] = ()

    @property
    def variable_count(self) -> int:
        return len(self.cost)

    @property
    def row_count(self) -> int:
        return len(self.row_lower)

    def objective(self, values: np.ndarray) -> float:
        """Cost of a solution, the constant part included."""
        return float(self.cost @ values) + self.offset

    def contradiction(self) -> str | None:
        """The first limits that exclude each other without any solving, in words."""
        crossed = np.flatnonzero(self.lower > self.upper)
        if crossed.size:
            return (
                f"The limits of {_name(self.variable_blocks, int(crossed[0]))} exclude each other."
            )
        empty = np.diff(self.starts) == 0
        broken = (self.row_lower > self.row_upper) | (
            empty & ((self.row_lower > ROUNDING) | (self.row_upper < -ROUNDING))
        )
        if broken.any():
            row = int(np.flatnonzero(broken)[0])
            return f"The limits of {_name(self.row_blocks, row)} exclude each other."
        return None

    def activities(self, values: np.ndarray) -> np.ndarray:
        """A @ x: one number per row."""
        rows = np.repeat(np.arange(self.row_count), np.diff(self.starts))
        weights = self.coefficients * values[self.columns]
        return np.bincount(rows, weights=weights, minlength=self.row_count)


def _name(blocks: tuple[tuple[str, int], ...], index: int) -> str:
    name, first = max((b for b in blocks if b[1] <= index), key=lambda block: block[1])
    return f"{name} [{index - first}]"


@dataclass
class Builder:
    """Collects blocks of variables and rows; each call adds one family.

    There may be several objectives, told apart by a number. A program minimises one of them.

    >>> build = Builder()
    >>> up = build.variables("up", lower=0, upper=[1.0, 2.0])
    >>> level = build.variables("level", lower=[0, 1], upper=1)
    >>> previous = np.append(-1, level[:-1])
    >>> build.rows("balance", [(1, level), (-1, previous), (-0.25, up)], lower=[3, 0], upper=[3, 0])
    >>> build.add_cost(up, [10, 20])
    >>> program = build.program()
    """

    _lower: list[np.ndarray] = field(default_factory=list)
    _upper: list[np.ndarray] = field(default_factory=list)
    _binary: list[np.ndarray] = field(default_factory=list)
    _variable_blocks: list[tuple[str, int]] = field(default_factory=list)
    _entries: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)
    _row_lower: list[np.ndarray] = field(default_factory=list)
    _row_upper: list[np.ndarray] = field(default_factory=list)
    _row_blocks: list[tuple[str, int]] = field(default_factory=list)
    _costs: dict[int, list[tuple[np.ndarray, np.ndarray]]] = field(default_factory=dict)
    _offsets: dict[int, float] = field(default_factory=dict)
    variable_count: int = 0
    row_count: int = 0

    def variables(
        self, name: str, lower: ArrayLike, upper: ArrayLike, binary: bool = False
    ) -> np.ndarray:
        """Add a block of variables, and return their indices."""
        count = np.broadcast(lower, upper).size
        low, high = filled(lower, count), filled(upper, count)
        first, self.variable_count = self.variable_count, self.variable_count + len(low)
        self._lower.append(low)
        self._upper.append(high)
        self._binary.append(np.full(len(low), binary))
        self._variable_blocks.append((name, first))
        return np.arange(first, self.variable_count)

    def rows(self, name: str, terms: Sequence[Term], lower: ArrayLike, upper: ArrayLike) -> None:
        """Add a block of rows lower <= sum of terms <= upper, one row for each index in a term."""
        index = np.stack([variables for _, variables in terms], axis=1)
        factor = np.empty(index.shape)
        for column, (coefficients, _) in enumerate(terms):
            factor[:, column] = coefficients
        used = (index >= 0) & (factor != 0)
        count = len(index)
        self._entries.append((used.sum(axis=1), index[used], factor[used]))
        self._row_lower.append(filled(lower, count))
        self._row_upper.append(filled(upper, count))
        self._row_blocks.append((name, self.row_count))
        self.row_count += count

    def add_cost(self, variables: np.ndarray, prices: ArrayLike, objective: int = 0) -> None:
        """Add a price per unit to variables, on top of what they cost already; -1 is skipped."""
        used = variables >= 0
        prices = np.broadcast_to(np.asarray(prices, float), variables.shape)
        self._costs.setdefault(objective, []).append((variables[used], prices[used]))

    def add_offset(self, money: float, objective: int = 0) -> None:
        """Add costs that do not depend on any choice."""
        self._offsets[objective] = self._offsets.get(objective, 0.0) + money

    def cap(self, name: str, objective: int, bound: float) -> None:
        """Add a row that keeps an objective from exceeding a bound."""
        cost = self._cost(objective)
        used = np.flatnonzero(cost)
        self._entries.append((np.array([len(used)]), used, cost[used]))
        self._row_lower.append(np.array([-np.inf]))
        self._row_upper.append(np.array([bound - self._offsets.get(objective, 0.0)]))
        self._row_blocks.append((name, self.row_count))
        self.row_count += 1

    def program(self, objective: int = 0) -> Program:
        """The program that minimises one of the objectives."""
        counts, columns, coefficients = (
            [entry[part] for entry in self._entries] for part in range(3)
        )
        lower, upper = _join(self._lower), _join(self._upper)
        return Program(
            cost=self._cost(objective),
            offset=self._offsets.get(objective, 0.0),
            lower=np.where(lower - upper <= ROUNDING, np.minimum(lower, upper), lower),
            upper=upper,
            binary=_join(self._binary).astype(bool),
            starts=np.append(0, np.cumsum(_join(counts))).astype(np.int32),
            columns=_join(columns).astype(np.int32),
            coefficients=_join(coefficients),
            row_lower=_join(self._row_lower),
            row_upper=_join(self._row_upper),
            variable_blocks=tuple(self._variable_blocks),
            row_blocks=tuple(self._row_blocks),
        )

    def _cost(self, objective: int) -> np.ndarray:
        cost = np.zeros(self.variable_count)
        for variables, prices in self._costs.get(objective, []):
            np.add.at(cost, variables, prices)
        return cost


def _join(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate(arrays) if len(arrays) else np.empty(0)
