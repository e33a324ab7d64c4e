"""Which events are forecast, each as seen from when; and what is known about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from flexmeasures.data.beliefs.knowledge import Timing
from flexmeasures.data.beliefs.query import select_time_range
from flexmeasures.data.beliefs.rows import EPOCH, Integers, microseconds
from flexmeasures.data.config import db
from flexmeasures.forecasting.base import Forecaster, Forecasts
from flexmeasures.forecasting.engine.series import Floats, Steps
from flexmeasures.forecasting.exceptions import InvalidHorizonException, NotEnoughDataException
from flexmeasures.forecasting.grid import first_step_from
from flexmeasures.forecasting.inputs import Inputs, load
from flexmeasures.utils.time_utils import as_server_time, as_utc, forecast_horizons_for

LONGEST_HORIZON = timedelta(days=3660)


@dataclass(frozen=True, eq=False)
class Views:
    """Pairs of an event and a moment from which it is seen; m of them.

    start, end : of the events, as asked for
    events, viewpoints : (m,) steps
    starts, belief_time, horizon : (m,) microseconds, the first two since the Unix epoch
    horizons : those that models should be made for, in microseconds; empty if all are seen from
        one moment
    """

    start: datetime
    end: datetime
    events: Steps
    viewpoints: Steps
    starts: Integers
    belief_time: Integers
    horizon: Integers
    horizons: Integers

    def __len__(self) -> int:
        return len(self.events)

    def forecasts(
        self,
        values: Floats,
        rungs: Sequence[str] | np.ndarray,
        quantiles: Sequence[float] = (),
        of_quantiles: Floats | None = None,
        notes: Iterable[str] = (),
    ) -> Forecasts:
        """Those of the pairs that have a finite value.

        values, rungs : (m,)
        of_quantiles : (m, number of quantiles), rising along the second axis
        """
        columns = {
            "event_start": pd.DatetimeIndex(self.starts.view("M8[us]"), tz="UTC"),
            "belief_time": pd.DatetimeIndex(self.belief_time.view("M8[us]"), tz="UTC"),
            "belief_horizon": self.horizon.view("m8[us]"),
            "value": values,
            "rung": np.asarray(rungs, dtype=object),
        }
        frame = pd.DataFrame(columns)
        for column, probability in enumerate(quantiles):
            assert of_quantiles is not None
            frame[probability] = of_quantiles[:, column]
        frame = frame[np.isfinite(values)].sort_values(["event_start", "belief_time"])
        notes = list(dict.fromkeys(notes))
        missing = len(self) - len(frame)
        if missing:
            notes.append(f"{missing} of {len(self)} forecasts could not be made.")
        return Forecasts(frame.reset_index(drop=True), notes)


def rolling(
    forecaster: Forecaster, start: datetime, end: datetime, horizons: Sequence[timedelta]
) -> tuple[Inputs, Views]:
    """The events that start in [start, end), each seen from before its knowledge time."""
    if not horizons or not all(timedelta(0) < horizon <= LONGEST_HORIZON for horizon in horizons):
        told = ", ".join(map(str, horizons)) or "none"
        raise InvalidHorizonException(
            f"Horizons of forecasts are positive and at most {LONGEST_HORIZON}, unlike {told}."
        )
    sensor = forecaster.sensor
    start, end = as_utc(start), as_utc(end)
    window = np.array([microseconds(start), microseconds(end)])
    known_at = Timing.of(sensor).knowledge_times(window)
    ahead = np.unique([microseconds(horizon) for horizon in horizons])
    inputs = _load(forecaster, known_at.min() - ahead.max(), known_at.max() - ahead.min(), end)
    events = _events(inputs, window)
    starts = inputs.grid.starts(events)
    known_at = inputs.timing.knowledge_times(starts)
    events, starts, known_at = (
        np.repeat(array, len(ahead)) for array in (events, starts, known_at)
    )
    horizon = np.tile(ahead, len(events) // len(ahead))
    views = Views(
        start,
        end,
        events,
        _viewpoints(forecaster, inputs, known_at - horizon),
        starts,
        known_at - horizon,
        horizon,
        _usual_horizons(inputs, ahead),
    )
    return inputs, views


def fixed(
    forecaster: Forecaster, start: datetime, end: datetime, belief_time: datetime
) -> tuple[Inputs, Views]:
    """The events that start in [start, end) and are not known yet, all seen from one moment."""
    start, end = as_utc(start), as_utc(end)
    seen = microseconds(as_utc(belief_time))
    inputs = _load(forecaster, seen, seen, end)
    events = _events(inputs, np.array([microseconds(start), microseconds(end)]))
    starts = inputs.grid.starts(events)
    horizon = inputs.timing.knowledge_times(starts) - seen
    ahead = horizon > 0
    if not ahead.all():
        inputs.notes.append(f"{(~ahead).sum()} events are known by then, and not forecast.")
    events, starts, horizon = events[ahead], starts[ahead], horizon[ahead]
    belief_times = np.full(len(events), seen)
    viewpoints = _viewpoints(forecaster, inputs, belief_times)
    nothing = np.empty(0, np.int64)
    return inputs, Views(start, end, events, viewpoints, starts, belief_times, horizon, nothing)


def _load(forecaster: Forecaster, first: int, last: int, end: datetime) -> Inputs:
    """first, last : viewpoints, in microseconds since the Unix epoch"""
    if forecaster.belief_time is not None:
        latest = microseconds(as_utc(forecaster.belief_time))
        first, last = min(first, latest), min(last, latest)
    seen, until = (EPOCH + timedelta(microseconds=int(time)) for time in (first, last))
    settings, regressors = forecaster.settings, forecaster.regressors
    return load(forecaster.sensor, seen, max(end, until), settings, regressors)


def _events(inputs: Inputs, window: Integers) -> Steps:
    first, last = first_step_from(inputs.grid, window).tolist()
    return np.arange(first, last)


def _viewpoints(forecaster: Forecaster, inputs: Inputs, belief_time: Integers) -> Steps:
    if forecaster.belief_time is not None:
        belief_time = np.minimum(belief_time, microseconds(as_utc(forecaster.belief_time)))
    return inputs.grid.step_of(belief_time)


def _usual_horizons(inputs: Inputs, asked: Integers) -> Integers:
    """If all are usual ones, all that are usual: then one model serves the jobs of all of them."""
    usual = forecast_horizons_for(timedelta(microseconds=inputs.grid.step))
    ahead = np.array([microseconds(horizon) for horizon in usual], np.int64)
    return ahead if np.isin(asked, ahead).all() else asked


def nothing_known(inputs: Inputs, views: Views) -> NotEnoughDataException:
    """Says what would be needed to forecast anything at all."""
    sensor = inputs.sensor
    found = db.session.execute(select_time_range([sensor.id])).first()
    if found is None or found.first is None:
        return NotEnoughDataException("No data available at all. Forecasting impossible.")
    first, last = found.first, found.last + sensor.event_resolution
    window = f"{_told(views.start)} to {_told(views.end)}"
    text = f"Not enough data to forecast {sensor.name} for the forecast window {window}. "
    available = f"the first value available is from {_told(first)} to"
    available += f" {_told(found.first + sensor.event_resolution)}"
    latest = EPOCH + timedelta(microseconds=int(views.belief_time.max()))
    # Seen from one moment, which moves along with the start: events are known at any distance.
    longest = timedelta(microseconds=int(views.horizon.max()) if len(views.horizons) else 0)
    history = timedelta(microseconds=inputs.history * inputs.grid.step)
    if first < latest and history < latest - last:
        available = f"the last value available is from {_told(found.last)} to {_told(last)}"
        text += f"I needed to query until {_told(latest - history)}, but {available}. Consider"
        text += f" setting the end date to {_told(last + history + longest)}."
        return NotEnoughDataException(text)
    needed = latest - (sensor.event_resolution or timedelta(microseconds=inputs.grid.step))
    text += f"I needed to query from {_told(needed)}, but {available}. Consider setting the"
    text += f" start date to {_told(first + sensor.event_resolution + longest)}."
    return NotEnoughDataException(text)


def _told(moment: datetime) -> str:
    return str(as_server_time(moment))


def known_values(inputs: Inputs, viewpoints: Steps) -> Steps:
    """How many measurements are known at each viewpoint."""
    exists = np.concatenate([[0], np.cumsum(np.isfinite(inputs.series.values))])
    return exists[inputs.series.known_before(viewpoints)]
