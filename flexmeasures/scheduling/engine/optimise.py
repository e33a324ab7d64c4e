"""From a problem to a plan: formulate, solve, check; repeat with binary variables where needed."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from flexmeasures.scheduling.engine.check import Findings, check
from flexmeasures.scheduling.engine.formulation import Formulation, formulate
from flexmeasures.scheduling.engine.problem import Commitment, Device, Problem, Stock
from flexmeasures.scheduling.engine.program import Program
from flexmeasures.scheduling.engine.solvers import (
    Options,
    Solution,
    SolverError,
    SolverTimeout,
    Status,
    solve,
)

TOLERANCE = 1e-6
"""Power and energy below this (MW, MWh), and shares of money below this, make no difference."""


class Infeasible(Exception):
    """No plan keeps all limits."""


@dataclass(frozen=True)
class Plan:
    """The best power of each device, and what follows from it.

    power : MW per slot, consumption positive
    levels : MWh at the end of each slot
    costs : money of each commitment (or units of penalty, for commitments of a rank above 0)
    status : optimal, or feasible: the best that was found in time
    gap : proven distance from the best cost, as a share of it; None if nothing is proven
    """

    power: dict[Device, np.ndarray]
    levels: dict[Stock, np.ndarray]
    costs: dict[Commitment, float]
    status: Status
    gap: float | None = None

    def total(self, rank: int = 0) -> float:
        """Cost of all commitments of one rank."""
        return sum(cost for commitment, cost in self.costs.items() if commitment.rank == rank)


def optimise(problem: Problem, solver: str = "cbc", options: Options | None = None) -> Plan:
    """Find the plan of the least cost; among ranks of commitments, higher ones go first.

    The time limit of the options holds for all of it. When it is up, lower ranks are not looked at,
    if there is a plan for higher ones. Raises Infeasible, and the errors of `solve`.
    """
    options = options or Options()
    search = _Search(problem, solver, options, _deadline(options))
    ranks = {commitment.rank for commitment in problem.commitments} | {0}
    plan = None
    for rank in sorted(ranks, reverse=True):
        try:
            plan = search.granted(rank)
        except SolverTimeout:
            if plan is None:
                raise
            return replace(plan, status=Status.FEASIBLE, gap=None)
    assert plan is not None
    return plan


def _deadline(options: Options) -> float | None:
    return None if options.time_limit is None else time.monotonic() + options.time_limit


class _Search:
    """State between the programs of one problem: wishes granted, binary variables added."""

    def __init__(
        self, problem: Problem, solver: str, options: Options, deadline: float | None
    ) -> None:
        self.problem = problem
        self.solver = solver
        self.options = options
        self.deadline = deadline
        self.caps: dict[int, float] = {}
        self.exclusive: dict[Device, np.ndarray] = {}

    def granted(self, rank: int) -> Plan:
        """The best plan of this rank; its cost becomes a limit of what follows.

        What was granted to higher ranks can be had. If the solver finds that it cannot, then it
        was granted by the last digits of limits, and is taken back by as much.
        """
        for slack in (0.0, 1e-7, 1e-6, 1e-5):
            caps = {other: _padded(cap, slack) for other, cap in self.caps.items()}
            try:
                plan = self.best(rank, caps)
            except Infeasible:
                if not caps or slack == 1e-5:
                    raise
            else:
                self.caps[rank] = _padded(plan.total(rank))
                return plan
        raise AssertionError("The last slack returns or raises.")

    def best(self, rank: int, caps: dict[int, float]) -> Plan:
        """The plan of the least cost of this rank, given what higher ranks were granted.

        The relaxed program may let a device go up and down at once. Its net power is a plan, too:
        if that keeps all limits at the same cost, then it is optimal, since no plan can beat the
        relaxation. Otherwise such slots get binary variables, until none is left.
        """
        while True:
            formulation = formulate(self.problem, rank=rank, caps=caps, exclusive=self.exclusive)
            solution = self._polish(formulation, self._solve(formulation.program))
            assert solution.values is not None and solution.objective is not None
            power = formulation.power(solution.values)
            findings = check(self.problem, power)
            promised = {**caps, rank: solution.objective}
            sound = self._holds(findings, promised)
            if not sound and not self._tell_apart(formulation, solution.values):
                # No direction is in doubt, so only the solver's last digits may be.
                self._insist(findings, rank, promised)
                sound = True
            if sound:
                return Plan(power, findings.levels, findings.costs, solution.status, solution.gap)

    def _polish(self, formulation: Formulation, solution: Solution) -> Solution:
        """Settle all but the binary variables to the last digit: a search stops within a gap."""
        program = formulation.program
        if not program.binary.any() or solution.values is None:
            return solution
        chosen = np.round(solution.values)
        settled = replace(
            program,
            lower=np.where(program.binary, chosen, program.lower),
            upper=np.where(program.binary, chosen, program.upper),
            binary=np.zeros(program.variable_count, dtype=bool),
        )
        try:
            polished = self._solve(settled)
        except (Infeasible, SolverTimeout):
            return solution
        return replace(polished, status=solution.status, gap=solution.gap)

    def _solve(self, program: Program) -> Solution:
        options = self.options
        if self.deadline is not None:
            remaining = self.deadline - time.monotonic()
            if remaining <= 0:
                raise SolverTimeout(f"No plan was found within {options.time_limit:g} s.")
            options = replace(options, time_limit=remaining)
        solution = solve(program, self.solver, options)
        if solution.status is Status.INFEASIBLE:
            raise Infeasible(program.contradiction() or "No plan keeps all limits at once.")
        if solution.status is Status.UNBOUNDED:
            raise SolverError("The costs have no lower limit.")
        return solution

    def _holds(self, findings: Findings, promised: dict[int, float], price: float = 1.0) -> bool:
        """Whether a plan keeps all limits, and costs no more than was promised, by rank.

        price : of a unit of power or energy, if the tolerance for these is to be seen as money
        """
        return not findings.violations and all(
            findings.total(other) <= cap + TOLERANCE * max(price, abs(cap), 1.0)
            for other, cap in promised.items()
        )

    def _insist(self, findings: Findings, rank: int, promised: dict[int, float]) -> None:
        """Raise SolverError if a plan is wrong by more than the tolerance of solvers."""
        if not self._holds(findings, promised, self._dearest(rank)):
            reasons = "; ".join(map(str, findings.violations)) or "it costs more than promised"
            raise SolverError(f"The solver {self.solver} returned a plan that is wrong: {reasons}.")

    def _dearest(self, rank: int) -> float:
        """The highest price of a deviation from a commitment of this rank."""
        prices = [
            np.abs(price).max()
            for commitment in self.problem.commitments
            if commitment.rank == rank
            for price in (commitment.up_price, commitment.down_price)
        ]
        return float(max(prices, default=1.0))

    def _tell_apart(self, formulation: Formulation, values: np.ndarray) -> bool:
        """Require one direction in slots with both, and wherever that could pay as well.

        Returns whether there was anything to add.
        """
        conflicts = formulation.conflicts(values, tolerance=TOLERANCE / 10)
        grown = False
        for device, both in conflicts.items():
            known = self.exclusive.get(device, np.zeros(self.problem.slots, dtype=bool))
            wanted = known | both | self._wasteful(device)
            grown |= bool((both & ~known).any())
            self.exclusive[device] = wanted
        return grown

    def _wasteful(self, device: Device) -> np.ndarray:
        """Slots in which using energy pays, so that a device might want to burn it."""
        price = np.zeros(self.problem.slots)
        for commitment in self.problem.commitments:
            if not isinstance(commitment.of, Stock) and device in commitment.of:
                price += np.fmin(commitment.up_price, commitment.down_price)
        return price < 0


def _padded(amount: float, share: float = 1e-8) -> float:
    return amount + share * max(1.0, abs(amount))
