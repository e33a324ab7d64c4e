"""Linear regressions: the plainest relation between features and what follows, lead by lead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flexmeasures.forecasting.engine.sample import Anchors
from flexmeasures.forecasting.engine.series import Floats

FURTHEST = 8.0
"""Features count as this many standard deviations from their mean, at most."""

NOISE_WEIGHT = 10.0
"""How much the ridge weighs the noise: ridge = 10 * noise / (signal * independent rows)."""

LEAST_RIDGE, MOST_RIDGE = 1e-5, 0.5
FIRST_RIDGE = 1e-3
ROUNDS = 6
NEAR = 0.05
_SMALL = 1e-6


@dataclass(frozen=True, eq=False)
class Line:
    """target = middle + size * (offset + slopes @ clip((features - mean) / deviation))."""

    mean: Floats
    deviation: Floats
    slopes: Floats
    offset: float
    middle: float
    size: float

    def __call__(self, inputs: Floats) -> Floats:
        scaled = _scaled(inputs, self.mean, self.deviation)
        # Row by row; a matrix product would round a row by its place among the others.
        result: Floats = self.offset + (scaled * self.slopes).sum(axis=1)
        return self.middle + self.size * result


def fit_line(
    inputs: Floats, target: Floats, weight: Floats, independent: float, absolute: bool
) -> Line:
    """The line with the least sum of errors, squared or absolute.

    Missing inputs count as their mean. A ridge keeps slopes small that little speaks for: the
    larger, the more of the target's variance is noise to a first regression, and the fewer rows are
    independent of each other. (Neighbouring viewpoints see nearly the same, so days count.)
    Absolute errors are made least by weighing rows, round by round, by the inverse of their error.
    """
    known = np.isfinite(inputs)
    mean = np.where(known, inputs, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    deviation = np.where(known, inputs, mean).std(axis=0)
    deviation = np.where(deviation > _SMALL * (1 + np.abs(mean)), deviation, np.inf)
    scaled = np.column_stack([np.ones(len(target)), _scaled(inputs, mean, deviation)])
    middle = float(np.average(target, weights=weight))
    size = float(np.sqrt(np.average((target - middle) ** 2, weights=weight)))
    if size < 1e-12 * (1 + abs(middle)):  # constant
        return Line(mean, deviation, np.zeros(inputs.shape[1]), 0.0, middle, 1.0)
    wanted = (target - middle) / size
    solver = _Solver(scaled, wanted)
    slopes = solver.solve(weight, FIRST_RIDGE)
    error = wanted - scaled @ slopes
    noise = float(np.average(error**2, weights=weight))
    ridge = NOISE_WEIGHT * noise / max(1 - noise, 0.02) / max(independent, 1.0)
    ridge = min(max(ridge, LEAST_RIDGE), MOST_RIDGE)
    current = weight
    for _ in range(ROUNDS if absolute else 1):
        slopes = solver.solve(current, ridge)
        error = np.abs(wanted - scaled @ slopes)
        current = weight / np.maximum(error, max(0.1 * float(np.median(error)), _SMALL))
        current = current * (weight.sum() / current.sum())
    return Line(mean, deviation, slopes[1:], float(slopes[0]), middle, size)


class _Solver:
    """Weighted least squares with a ridge; sums in single precision, which takes half the time."""

    def __init__(self, scaled: Floats, wanted: Floats) -> None:
        self.rows = np.column_stack([scaled, wanted]).astype(np.float32)

    def solve(self, weight: Floats, ridge: float) -> Floats:
        weighted = self.rows * weight.astype(np.float32)[:, None]
        products = (weighted.T @ self.rows).astype(np.float64)
        penalty = np.full(len(products) - 1, ridge * weight.sum())
        penalty[0] = _SMALL
        found: Floats = np.linalg.solve(products[:-1, :-1] + np.diag(penalty), products[:-1, -1])
        return found


def _scaled(inputs: Floats, mean: Floats, deviation: Floats) -> Floats:
    filled = np.where(np.isfinite(inputs), inputs, mean)
    return np.clip((filled - mean) / deviation, -FURTHEST, FURTHEST)


@dataclass(frozen=True, eq=False)
class Lines:
    """A line for each of some leads; forecasts between them are blends."""

    anchors: Anchors
    lines: tuple[Line, ...]

    def __call__(self, inputs: Floats, lead: Floats) -> Floats:
        shares = self.anchors.shares(lead)
        result = np.zeros(len(lead))
        for number, line in enumerate(self.lines):
            concerned = np.flatnonzero(shares[:, number] > 0)
            if len(concerned):
                result[concerned] += shares[concerned, number] * line(inputs[concerned])
        return result


def fit_lines(
    inputs: Floats,
    lead: Floats,
    target: Floats,
    weight: Floats,
    *,
    independent: float,
    absolute: bool,
    most: int,
) -> Lines:
    """A line for each of at most `most` leads, from the pairs with leads near it.

    independent : how many of the viewpoints are independent of each other, about
    """
    anchors = Anchors.of(lead, most)
    shares = anchors.shares(lead)
    lines = []
    for number in range(len(anchors)):
        share = shares[:, number]
        near = share > NEAR
        if near.sum() < 2:
            share, near = np.ones(len(lead)), np.ones(len(lead), dtype=bool)
        lines.append(
            fit_line(inputs[near], target[near], weight[near] * share[near], independent, absolute)
        )
    return Lines(anchors, tuple(lines))
