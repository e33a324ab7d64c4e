"""What all solvers share: the shape of an answer, the options, and the ways to fail."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from flexmeasures.scheduling.engine.program import Program

FEW, MANY = 100, 250
"""Binary variables of a day, and of two and a half days, of quarter hours."""


class Status(Enum):
    """What a solver can say about a program. All else is an error."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    """The time was up; this is the best solution found so far."""
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"


@dataclass(frozen=True)
class Solution:
    """What a solver found.

    values : one per variable of the program; None unless the status is optimal or feasible
    gap : proven distance from the best objective, as a share of it; None if nothing is proven
    """

    status: Status
    values: np.ndarray | None = None
    objective: float | None = None
    gap: float | None = None


@dataclass(frozen=True)
class Options:
    """How to solve.

    time_limit : seconds on the clock; None for as long as it takes
    mip_gap : relative distance from the optimum that is good enough, where binary variables decide;
        None for a gap by the number of these: finding the last thousandth can take minutes
    smallest_gap : the least of such gaps by number
    executable : path of the solver program; None to look it up
    """

    time_limit: float | None = None
    mip_gap: float | None = None
    smallest_gap: float = 1e-6
    executable: str | None = None

    def gap(self, program: Program) -> float:
        """The gap for a program."""
        if self.mip_gap is not None:
            return self.mip_gap
        binary = program.binary.sum()
        by_number = 0.0 if binary <= FEW else 1e-4 if binary <= MANY else 1e-3
        return max(self.smallest_gap, by_number)


class SolverError(RuntimeError):
    """A solver gave no answer that can be trusted."""


class SolverNotFound(SolverError):
    """The solver is not installed on this machine."""


class SolverTimeout(SolverError):
    """The time was up before any solution was found."""
