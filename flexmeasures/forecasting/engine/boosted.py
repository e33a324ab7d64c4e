"""Boosted trees: relations that are no lines, and hold for all leads at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from flexmeasures.forecasting.engine.series import Floats

ROUNDS = 100
LEAVES = 24
STEP = 0.08
FEWEST_IN_LEAF = 30


@dataclass(frozen=True, eq=False)
class Trees:
    """A sum of trees on named features."""

    names: tuple[str, ...]
    trees: Any

    def __call__(self, features: dict[str, Floats]) -> Floats:
        found: Floats = self.trees.predict(_inputs(features, self.names))
        return found


def fit_trees(features: dict[str, Floats], target: Floats, weight: Floats | None = None) -> Trees:
    """Trees with the least sum of absolute errors."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    # Where nothing is known, there is nothing to cut into bins (scikit-learn refuses such columns).
    names = tuple(name for name in features if np.isfinite(features[name]).any())
    trees = HistGradientBoostingRegressor(
        loss="absolute_error",
        max_iter=ROUNDS,
        max_leaf_nodes=LEAVES,
        learning_rate=STEP,
        min_samples_leaf=FEWEST_IN_LEAF,
        early_stopping=False,
        random_state=0,
    )
    trees.fit(_inputs(features, names), target, sample_weight=weight)
    return Trees(names, trees)


def _inputs(features: dict[str, Floats], names: tuple[str, ...]) -> Any:
    return np.column_stack([features[name] for name in names]).astype(np.float32)
