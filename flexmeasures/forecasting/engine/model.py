"""The contract of forecast models: fit once, predict any event as seen from any viewpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from flexmeasures.forecasting.engine.series import Floats, Series, Steps


class CannotForecast(Exception):
    """This model has no answer for this series; the text says why, for people."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """Forecasts of m events.

    values : (m,) the point forecasts (medians); nan where the model has no answer
    quantiles : (m, q), rising along the second axis; None if none were asked for
    """

    values: Floats
    quantiles: Floats | None = None


class Fitted(Protocol):
    """A model with its parameters. It can be pickled, and holds nothing of the series."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed, left out or chosen, for people."""
        ...

    def predict(self, series: Series, events: Steps, viewpoints: Steps) -> Prediction:
        """Forecast event events[i] as seen from viewpoints[i].

        Nothing that became known after viewpoints[i] may have any influence on the i-th forecast.
        """
        ...


class Model(Protocol):
    """How to forecast a series."""

    def fit(
        self, series: Series, viewpoint: int, ahead: Steps, quantiles: tuple[float, ...] = ()
    ) -> Fitted:
        """Learn from what was known at the viewpoint, and from nothing else.

        ahead : the distances (event - viewpoint, in steps) that will be asked for; -1 is the event
            that is known just now, so 1 hour ahead of quarter-hourly measurements is 3: the event
            that ends, and is known, 4 steps after the viewpoint.
        quantiles : probabilities in (0, 1), rising, for which forecasts are wanted as well

        Raises
        ------
        CannotForecast : with the reason
        """
        ...
