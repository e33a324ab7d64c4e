"""Linear regressions: the plainest relation between features and what follows, lead by lead."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from flexmeasures.forecasting.engine.sample import Anchors
from flexmeasures.forecasting.engine.series import Floats

FURTHEST = 8.0
"""Features count as this many standard deviations from their mean, at most."""

NOISE_WEIGHT = 10.0
"""How much the ridge weighs the noise: ridge = 10 * noise / (signal * independent rows)."""

LEAST_RIDGE, MOST_RIDGE = 1e-5, 0.5
FIRST_RIDGE = 1e-3
ROUNDS = 5
NEAR = 0.05
_SMALL = 1e-6

Singles = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Scale:
    """Inputs in standard deviations from their mean, within limits; the missing ones at the mean.

    mean, deviation : (p,)
    """

    mean: Floats
    deviation: Floats

    @classmethod
    def of(cls, inputs: Floats) -> Scale:
        known = np.isfinite(inputs)
        mean = np.where(known, inputs, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        deviation = np.where(known, inputs, mean).std(axis=0)
        constant = deviation <= _SMALL * (1 + np.abs(mean))
        return cls(mean, np.where(constant, np.inf, deviation))

    def __call__(self, inputs: Floats) -> Floats:
        scaled = np.where(np.isfinite(inputs), inputs, self.mean)
        scaled -= self.mean
        scaled /= self.deviation
        return np.clip(scaled, -FURTHEST, FURTHEST, out=scaled)


@dataclass(frozen=True, eq=False)
class Line:
    """target = middle + size * (offset + slopes @ scaled inputs)."""

    slopes: Floats
    offset: float
    middle: float
    size: float

    def __call__(self, scaled: Floats) -> Floats:
        # Row by row; a matrix product would round a row by its place among the others.
        result: Floats = self.offset + (scaled * self.slopes).sum(axis=1)
        return self.middle + self.size * result


@dataclass(frozen=True, eq=False)
class Way:
    """How a line is fitted.

    weight : (m,) how much each row counts
    independent : how many of the rows are independent of each other, about
    absolute : makes absolute errors least, else squared ones
    """

    weight: Floats
    independent: float
    absolute: bool


def fit_line(scaled: Floats, target: Floats, way: Way) -> Line:
    """The line with the least sum of errors.

    A ridge keeps slopes small that little speaks for: the larger, the more of the target's variance
    is noise to a first regression, and the fewer rows are independent of each other. (Neighbouring
    viewpoints see nearly the same, so days count.) Absolute errors are made least by weighing rows,
    round by round, by the inverse of their error.
    """
    rows = np.column_stack([np.ones(len(target)), scaled]).astype(np.float32)
    return _fit_line(rows, target, way)


def _fit_line(rows: Singles, target: Floats, way: Way) -> Line:
    weight = way.weight
    middle = float(np.average(target, weights=weight))
    size = float(np.sqrt(np.average((target - middle) ** 2, weights=weight)))
    if size < 1e-12 * (1 + abs(middle)):  # constant
        return Line(np.zeros(rows.shape[1] - 1), 0.0, middle, 1.0)
    wanted = ((target - middle) / size).astype(np.float32)
    slopes = _solve(rows, wanted, weight, FIRST_RIDGE)
    error = _errors(rows, wanted, slopes)
    noise = float(np.average(error**2, weights=weight))
    ridge = NOISE_WEIGHT * noise / max(1 - noise, 0.02) / max(way.independent, 1.0)
    ridge = min(max(ridge, LEAST_RIDGE), MOST_RIDGE)
    current = weight
    for _ in range(ROUNDS if way.absolute else 1):
        if way.absolute:
            current = weight / np.maximum(error, max(0.1 * float(np.median(error)), _SMALL))
            current = current * (weight.sum() / current.sum())
        slopes = _solve(rows, wanted, current, ridge)
        error = _errors(rows, wanted, slopes)
    return Line(slopes[1:], float(slopes[0]), middle, size)


def _errors(rows: Singles, wanted: Singles, slopes: Floats) -> Floats:
    found: Floats = np.abs(wanted - rows @ slopes.astype(np.float32)).astype(np.float64)
    return found


def _solve(rows: Singles, wanted: Singles, weight: Floats, ridge: float) -> Floats:
    """Weighted least squares with a ridge; sums in single precision, which takes half the time."""
    root = np.sqrt(weight).astype(np.float32)
    weighted = rows * root[:, None]
    products = (weighted.T @ weighted).astype(np.float64)
    penalty = np.full(len(products), ridge * weight.sum())
    penalty[0] = _SMALL
    aims = (weighted.T @ (wanted * root)).astype(np.float64)
    found: Floats = np.linalg.solve(products + np.diag(penalty), aims)
    return found


@dataclass(frozen=True, eq=False)
class Lines:
    """For each of some leads, lines fitted in k ways; forecasts between leads are blends."""

    anchors: Anchors
    scales: tuple[Scale, ...]
    lines: tuple[tuple[Line, ...], ...]

    def __call__(self, inputs: Floats, lead: Floats) -> Floats:
        """(m, k)"""
        shares = self.anchors.shares(lead)
        result = np.zeros((len(lead), len(self.lines[0])))
        for number, (scale, lines) in enumerate(zip(self.scales, self.lines, strict=True)):
            concerned = np.flatnonzero(shares[:, number] > 0)
            if len(concerned):
                scaled = scale(inputs[concerned])
                found = np.column_stack([line(scaled) for line in lines])
                result[concerned] += shares[concerned, number, None] * found
        return result


def fit_lines(
    inputs: Floats, lead: Floats, target: Floats, ways: tuple[Way, ...], most: int
) -> Lines:
    """Lines for each of at most `most` leads, from the pairs with leads near it."""
    anchors = Anchors.of(lead, most)
    shares = anchors.shares(lead)
    scales, lines = [], []
    for number in range(len(anchors)):
        share = shares[:, number]
        near = np.flatnonzero(share > NEAR)
        if len(near) < 2:
            share, near = np.ones(len(lead)), np.arange(len(lead))
        scale = Scale.of(inputs[near])
        rows = np.ones((len(near), inputs.shape[1] + 1), dtype=np.float32)
        rows[:, 1:] = scale(inputs[near])
        scales.append(scale)
        lines.append(
            tuple(
                _fit_line(rows, target[near], replace(way, weight=way.weight[near] * share[near]))
                for way in ways
            )
        )
    return Lines(anchors, tuple(scales), tuple(lines))
