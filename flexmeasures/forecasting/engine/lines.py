"""Linear regressions: the plainest relation between features and what follows, lead by lead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flexmeasures.forecasting.engine.sample import Anchors
from flexmeasures.forecasting.engine.series import Floats

FURTHEST = 8.0
"""Features count as this many standard deviations from their mean, at most."""

ROUNDS = 8
_FEW = 1e-9


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
        result: Floats = self.middle + self.size * (self.offset + scaled @ self.slopes)
        return result


def fit_line(inputs: Floats, target: Floats, weight: Floats, ridge: float, absolute: bool) -> Line:
    """The line with the least sum of errors, squared or absolute.

    Missing inputs count as their mean. The ridge, in shares of the weight of all rows, keeps slopes
    small that little speaks for. Absolute errors are made least by weighing rows by their inverse.
    """
    with np.errstate(invalid="ignore"):
        known = np.isfinite(inputs)
        mean = np.where(known, inputs, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    deviation = np.where(known, inputs, mean).std(axis=0)
    deviation = np.where(deviation > _FEW * (1 + np.abs(mean)), deviation, np.inf)
    scaled = np.column_stack([np.ones(len(target)), _scaled(inputs, mean, deviation)])
    middle = float(np.average(target, weights=weight))
    size = max(float(np.sqrt(np.average((target - middle) ** 2, weights=weight))), _FEW)
    wanted = (target - middle) / size
    penalty = np.full(scaled.shape[1], ridge * weight.sum())
    penalty[0] = _FEW
    current = weight
    for _ in range(ROUNDS if absolute else 1):
        weighted = scaled * current[:, None]
        slopes = np.linalg.solve(weighted.T @ scaled + np.diag(penalty), weighted.T @ wanted)
        error = np.abs(wanted - scaled @ slopes)
        smallest = max(0.1 * float(np.median(error)), 1e-6)
        current = weight / np.maximum(error, smallest)
        current = current * (weight.sum() / current.sum())
    return Line(mean, deviation, slopes[1:], float(slopes[0]), middle, size)


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
    ridge: float,
    absolute: bool,
    most: int,
) -> Lines:
    """A line for each of at most `most` leads, from the pairs with leads near it."""
    anchors = Anchors.of(lead, most)
    shares = anchors.shares(lead)
    lines = []
    for number in range(len(anchors)):
        near = shares[:, number] > 0.05
        if near.sum() < 2:
            near = np.ones(len(lead), dtype=bool)
            shares[:, number] = 1.0
        lines.append(
            fit_line(
                inputs[near], target[near], weight[near] * shares[near, number], ridge, absolute
            )
        )
    return Lines(anchors, tuple(lines))
