"""Boosted trees: relations that are no lines, and hold for all leads at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from flexmeasures.forecasting.engine.model import CannotForecast
from flexmeasures.forecasting.engine.series import Floats
from flexmeasures.forecasting.engine.threads import one_thread

LEFT_OUT = ("yearday",)
"""Trees would learn by heart what each week was like, and know nothing of the weeks to come."""

_FAR = 0.0005


@dataclass(frozen=True)
class Growth:
    """How trees are grown. Leaves are large since neighbouring rows tell nearly the same.

    choice : the share of the features, drawn by lot, that each split may choose from
    bins : how many values of each feature are told apart
    without : beginnings of the names of features that are not looked at
    """

    rounds: int = 100
    leaves: int = 12
    fewest_in_leaf: int = 80
    step: float = 0.08
    loss: str = "absolute_error"
    choice: float = 1.0
    bins: int = 64
    without: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Trees:
    """A sum of trees on named features."""

    names: tuple[str, ...]
    trees: Any

    def __call__(self, features: dict[str, Floats]) -> Floats:
        with one_thread():
            found: Floats = self.trees.predict(_inputs(features, self.names))
        return found


def fit_trees(
    features: dict[str, Floats],
    target: Floats,
    growth: Growth = Growth(),
    weight: Floats | None = None,
) -> Trees:
    """Trees with the least sum of errors; the furthest targets count as less far."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    names = tuple(
        name
        for name, column in features.items()
        if not name.startswith(LEFT_OUT + growth.without) and _varies(column)
    )
    if not names:
        raise CannotForecast("Nothing that is known varies.")
    trees = HistGradientBoostingRegressor(
        loss=growth.loss,
        max_iter=growth.rounds,
        max_leaf_nodes=growth.leaves,
        learning_rate=growth.step,
        min_samples_leaf=growth.fewest_in_leaf,
        max_features=growth.choice,
        max_bins=growth.bins,
        early_stopping=False,
        random_state=0,
    )
    low, high = np.quantile(target, [_FAR, 1 - _FAR])
    trees.fit(_inputs(features, names), np.clip(target, low, high), sample_weight=weight)
    return Trees(names, trees)


def _varies(column: Floats) -> bool:
    """In the precision that trees see; they cannot take columns with less than two numbers."""
    short = column[np.isfinite(column)].astype(np.float32)
    return len(short) > 0 and bool(short.max() > short.min())


def _inputs(features: dict[str, Floats], names: tuple[str, ...]) -> Any:
    return np.column_stack([features[name] for name in names]).astype(np.float32)
