"""The forecasts that the default model mixes: lines, trees, and what repeats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flexmeasures.forecasting.engine.boosted import Growth, Trees, fit_trees
from flexmeasures.forecasting.engine.linear import inputs_of
from flexmeasures.forecasting.engine.lines import Lines, Way, fit_lines
from flexmeasures.forecasting.engine.sample import Sample
from flexmeasures.forecasting.engine.series import Floats

MOST_LEADS = 8
PLAIN = ("latest_", "day_")
"""What plain lines look at: they have little to get wrong."""

SIMPLE = ("latest_0", "day_0", "week_0", "usual_daily", "usual_kind", "usual_week")
WHOLE = Growth(rounds=60, step=0.13, leaves=20, fewest_in_leaf=50, choice=0.6)
CORRECTING = Growth(
    rounds=30,
    step=0.2,
    without=(
        "anomaly_slow",
        "anomaly_week",
        *(f"latest_{lag}" for lag in range(3, 7)),
        "day_5",
        "day_6",
        "week_2",
        "week_3",
        "shift_daily",
    ),
)
"""What it does not look at tells nearly nothing besides the line, and each takes its time."""


@dataclass(frozen=True)
class Sort:
    """A sort of line.

    half_life : days after which what was seen counts half; None for never
    plain : looks at a few lags only
    absolute : makes absolute errors least, else squared ones
    """

    name: str
    half_life: float | None = None
    plain: bool = False
    absolute: bool = True


SORTS = (
    Sort("steady line"),
    Sort("recent line", half_life=90),
    Sort("line of squares", absolute=False),
    Sort("plain line", plain=True, absolute=False),
    Sort("fresh plain line", half_life=25, plain=True),
)
NAMES = (*(sort.name for sort in SORTS), "corrected line", "trees", *SIMPLE)
START = np.array([1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, *(0.0 for _ in SIMPLE)])
"""How many picks of each a mixture has from the start."""


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees that are added to the steady line, and trees by themselves."""

    correction: Trees
    whole: Trees


@dataclass(frozen=True, eq=False)
class Experts:
    """Lines of all SORTS, first those that are not plain, and trees."""

    lines: Lines
    plain: Lines
    forest: Forest

    def __call__(self, features: dict[str, Floats]) -> Floats:
        """(m, k) forecasts, a column for each of NAMES."""
        lead = features["lead"]
        columns = [
            self.lines(inputs_of(features), lead),
            self.plain(_plain_inputs(features), lead),
        ]
        steady = columns[0][:, 0]
        columns += [steady + self.forest.correction(features), self.forest.whole(features)]
        for name in SIMPLE:
            columns.append(np.where(np.isfinite(features[name]), features[name], steady))
        return np.column_stack(columns)


def fit_experts(sample: Sample, per_day: float, forest: Forest | None = None) -> Experts:
    """Learn from a sample; trees take longest, so they may be given."""
    inputs = inputs_of(sample.features)
    lines = _fit(inputs, sample, per_day, plain=False)
    plain = _fit(_plain_inputs(sample.features), sample, per_day, plain=True)
    if forest is None:
        rest = sample.target - lines(inputs, sample.lead)[:, 0]
        forest = Forest(
            fit_trees(sample.features, rest, CORRECTING),
            fit_trees(sample.features, sample.target, WHOLE),
        )
    return Experts(lines, plain, forest)


def _fit(inputs: Floats, sample: Sample, per_day: float, plain: bool) -> Lines:
    ways = tuple(_way(sort, sample, per_day) for sort in SORTS if sort.plain == plain)
    return fit_lines(inputs, sample.lead, sample.target, ways, MOST_LEADS)


def _way(sort: Sort, sample: Sample, per_day: float) -> Way:
    age = (sample.viewpoints.max() - sample.viewpoints) / per_day
    weight, days = np.ones(len(sample)), float(age.max())
    if sort.half_life is not None:
        weight = 0.5 ** (age / sort.half_life)
        days = min(days, sort.half_life / np.log(2))
    independent = min(max(days, 1.0), len(np.unique(sample.viewpoints)))
    return Way(weight, independent, sort.absolute)


def _plain_inputs(features: dict[str, Floats]) -> Floats:
    usual = features["usual_daily"]
    plain = [
        np.where(np.isfinite(column), column, usual)
        for name, column in features.items()
        if name.startswith(PLAIN)
    ]
    return np.column_stack(plain)
