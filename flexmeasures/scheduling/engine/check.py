"""What a plan is worth and which limits it breaks, recomputed from the plan alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from flexmeasures.scheduling.engine.problem import Commitment, Device, Problem, Stock

Power = Mapping[Device, np.ndarray]
"""MW per slot for each device, consumption positive."""


@dataclass(frozen=True)
class Violation:
    """Limits that a plan does not keep: whose, where first, by how much at most (MW or MWh)."""

    name: str
    slot: int
    size: float

    def __str__(self) -> str:
        return f"{self.name} breaks its limits from slot {self.slot} on, by up to {self.size:.6g}"


@dataclass(frozen=True)
class Findings:
    """What follows from a plan."""

    levels: dict[Stock, np.ndarray]
    costs: dict[Commitment, float]
    violations: tuple[Violation, ...]

    def total(self, rank: int = 0) -> float:
        """Cost of all commitments of one rank."""
        return sum(cost for commitment, cost in self.costs.items() if commitment.rank == rank)


def check(problem: Problem, power: Power, tolerance: float = 1e-6) -> Findings:
    """Levels, costs and broken limits of a plan.

    tolerance : share of a limit's size (at least of 1) by which it may be exceeded
    """
    levels = {stock: stock_levels(problem, stock, power) for stock in problem.stocks}
    costs = {c: commitment_cost(problem, c, power, levels) for c in problem.commitments}
    limited = [
        *((d.name, power[d], d.power_min, d.power_max) for d in problem.devices),
        *((s.name, levels[s], s.minimum, s.maximum) for s in problem.stocks),
        *(
            (g.name, sum(power[d] for d in g.devices), g.power_min, g.power_max)
            for g in problem.groups
        ),
    ]
    violations = []
    for name, values, lower, upper in limited:
        excess = np.maximum(np.asarray(lower) - values, values - np.asarray(upper))
        broken = np.flatnonzero(excess > tolerance * np.maximum(1, np.abs(values)))
        if broken.size:
            violations.append(Violation(name, int(broken[0]), float(excess.max())))
    return Findings(levels, costs, tuple(violations))


def stock_levels(problem: Problem, stock: Stock, power: Power) -> np.ndarray:
    """MWh in a stock at the end of each slot."""
    flow = problem.array(stock.gain).copy()
    for device in problem.devices:
        if device.stock is stock:
            up, down = np.maximum(power[device], 0), np.minimum(power[device], 0)
            flow += up * device.up_efficiency + down / np.asarray(device.down_efficiency)
    retention = problem.array(stock.retention)
    gained = flow * _share_left(retention) * problem.hours
    if (retention == 1).all():
        return stock.initial + np.cumsum(gained)
    levels, level = [], stock.initial
    for kept, added in zip(retention.tolist(), gained.tolist(), strict=True):
        level = level * kept + added
        levels.append(level)
    return np.array(levels)


def _share_left(retention: np.ndarray) -> np.ndarray:
    """Of what flows in evenly over a slot, at its end: the mean of retention ** (0..1)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = -np.expm1(np.log(retention)) / -np.log(retention)
    return np.where(retention < 1, share, 1.0)


def commitment_cost(
    problem: Problem, commitment: Commitment, power: Power, levels: Mapping[Stock, np.ndarray]
) -> float:
    """What the deviations from a commitment cost in all (negative: earn)."""
    if isinstance(commitment.of, Stock):
        position = levels[commitment.of]
    else:
        position = sum((power[device] for device in commitment.of), np.zeros(problem.slots))
    deviation = position - commitment.quantity
    known = ~np.isnan(deviation)
    up_price = problem.array(commitment.up_price)[known]
    down_price = problem.array(commitment.down_price)[known]
    over, under = np.maximum(deviation[known], 0), np.minimum(deviation[known], 0)
    if commitment.windows is None:
        return float(up_price @ over + down_price @ under)
    cost = 0.0
    windows = np.asarray(commitment.windows)[known]
    for window in np.unique(windows):
        inside = windows == window
        cost += up_price[inside][0] * over[inside].max()
        cost += down_price[inside][0] * under[inside].min()
    return float(cost)
