"""Forecasters of plugins: asked once per belief time."""

from __future__ import annotations

from datetime import datetime, timezone

import numpy as np
import pandas as pd

from flexmeasures.forecasting.base import Forecaster, Forecasts
from flexmeasures.forecasting.engine.series import Floats, Steps
from flexmeasures.forecasting.exceptions import NotEnoughDataException
from flexmeasures.forecasting.inputs import Inputs
from flexmeasures.forecasting.views import Views, known_values, nothing_known


def compute_all(forecaster: Forecaster, inputs: Inputs, views: Views) -> Forecasts:
    """What `compute` says about all these events, as seen from their belief times."""
    number = len(views)
    values = np.full(number, np.nan)
    quantiles = np.full((number, len(forecaster.quantiles)), np.nan)
    rung = type(forecaster).__name__
    if number:
        known = known_values(inputs, views.viewpoints)
        if not known.any():
            raise nothing_known(inputs, views)
        for moment in np.unique(views.belief_time[known > 0]).tolist():
            chosen = np.flatnonzero(views.belief_time == moment)
            values[chosen], quantiles[chosen] = _compute(forecaster, inputs, views, chosen)
        values[~np.isfinite(quantiles).all(axis=1)] = np.nan
        if not np.isfinite(values).any():
            raise NotEnoughDataException(f"{rung} has no forecast.")
    return views.forecasts(
        values, np.full(number, rung, dtype=object), forecaster.quantiles, quantiles, inputs.notes
    )


def _compute(
    forecaster: Forecaster, inputs: Inputs, views: Views, chosen: Steps
) -> tuple[Floats, Floats]:
    """Values and quantiles of events that are seen from one moment."""
    events, viewpoint = views.events[chosen], int(views.viewpoints[chosen[0]])
    asked = _index(inputs, events)
    answer = forecaster.compute(
        _history(inputs, viewpoint),
        asked,
        datetime.fromtimestamp(int(views.belief_time[chosen[0]]) / 1e6, timezone.utc),
        _regressors(forecaster, inputs, viewpoint, int(events.max()) + 1),
    )
    table = _checked(forecaster, answer).reindex(asked).to_numpy(np.float64)
    table[~np.isfinite(table)] = np.nan
    return table[:, 0], np.sort(table[:, 1:], axis=1)


def _checked(forecaster: Forecaster, answer: object) -> pd.DataFrame:
    """The columns that were asked for, of an answer whose rows are moments."""
    who = type(forecaster).__name__
    if isinstance(answer, pd.Series):
        answer = answer.to_frame("value")
    if not isinstance(answer, pd.DataFrame):
        kind = type(answer).__name__
        raise ValueError(f"{who} gave a {kind}; expected a Series or a DataFrame.")
    wanted = ["value", *forecaster.quantiles]
    missing = [name for name in wanted if name not in answer.columns]
    if missing:
        raise ValueError(f"{who} gave no column {missing[0]!r}.")
    index = answer.index
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        raise ValueError(f"{who} should index its forecasts by the event starts it was given.")
    if not index.is_unique:
        raise ValueError(f"{who} gave several forecasts of {index[index.duplicated()][0]}.")
    return answer[wanted]


def _history(inputs: Inputs, viewpoint: int) -> pd.Series:
    series = inputs.series
    known = int(series.known_before(np.array([viewpoint]))[0])
    first = max(known - inputs.history, 0)
    values = series.values[first:known]
    exists = np.flatnonzero(np.isfinite(values))
    begin, end = (exists[0], exists[-1] + 1) if len(exists) else (0, 0)
    index = _index(inputs, first + np.arange(begin, end))
    return pd.Series(values[begin:end], index=index, name="event_value")


def _regressors(forecaster: Forecaster, inputs: Inputs, viewpoint: int, end: int) -> pd.DataFrame:
    steps = np.arange(max(viewpoint - inputs.history, 0), end)
    seen = np.full(len(steps), viewpoint)
    columns = {
        str(inputs.ids[name]): regressor.as_known(steps, seen)
        for name, regressor in inputs.series.regressors.items()
    }
    return pd.DataFrame(columns, index=_index(inputs, steps))


def _index(inputs: Inputs, steps: Steps) -> pd.DatetimeIndex:
    starts = inputs.grid.starts(steps).view("M8[us]")
    index = pd.DatetimeIndex(starts, tz="UTC").tz_convert(inputs.sensor.timezone)
    return index.rename("event_start")
