"""What fitted models share: from features to forecasts within limits, with bands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from flexmeasures.forecasting.engine.features import Bounds, Past, build
from flexmeasures.forecasting.engine.limits import Limits
from flexmeasures.forecasting.engine.model import Prediction
from flexmeasures.forecasting.engine.quantiles import Bands
from flexmeasures.forecasting.engine.series import Floats, Series, Steps
from flexmeasures.forecasting.engine.transform import BoxCox


class Core(Protocol):
    """What was learnt."""

    def values(self, features: dict[str, Floats]) -> Floats: ...

    def expected_error(self, features: dict[str, Floats], values: Floats) -> Floats: ...


@dataclass(frozen=True, eq=False)
class Learnt:
    """A fitted model that looks at features."""

    core: Core
    bounds: Bounds
    limits: Limits
    bands: Bands | None
    regressors: tuple[str, ...]
    notes: tuple[str, ...]
    transform: BoxCox | None = None

    def predict(self, series: Series, events: Steps, viewpoints: Steps) -> Prediction:
        """Forecast each event as seen from its viewpoint; nan if nothing is known by then."""
        events = np.asarray(events, dtype=np.int64)
        viewpoints = np.asarray(viewpoints, dtype=np.int64)
        if not len(events):
            empty = np.empty(0)
            return Prediction(empty, self._no_quantiles(0))
        past = Past(series, self.bounds, self.transform)
        known = past.known(events, viewpoints)
        features = build(past, events, viewpoints, known, self.regressors)
        raw = self.core.values(features)
        raw = np.where((known > 0) & np.isfinite(raw), raw, np.nan)
        values = self._back(raw)
        if self.bands is None:
            return Prediction(values)
        around = self.bands.around(
            raw if self.transform else values,
            self.core.expected_error(features, values),
            features["lead"],
        )
        return Prediction(values, self._back(around))

    def _back(self, values: Floats) -> Floats:
        """From what was learnt to what is measured."""
        if self.transform is not None:
            values = self.transform.inverse(values)
        return self.limits.apply(values)

    def _no_quantiles(self, count: int) -> Floats | None:
        return None if self.bands is None else np.empty((count, self.bands.errors.shape[1]))
