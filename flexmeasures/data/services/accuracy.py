"""How accurate forecasts were, computed from the beliefs that are stored.

What counts as forecast and as measurement, says `data.beliefs.accuracy`: nothing that was believed
after the horizon asked for. Simple forecasts from the measurements are measured along with them
(see `data.beliefs.references`), so that one sees what forecasting adds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from flexmeasures.data.beliefs.accuracy import Forecasts, History, at, last_measured, read
from flexmeasures.data.beliefs.references import References, look_back
from flexmeasures.data.beliefs.rows import MICROSECOND, Floats, Integers, changed, microseconds
from flexmeasures.data.beliefs.sources import load_sources
from flexmeasures.data.schemas.utils import FMValidationError
from flexmeasures.utils import ask_app
from flexmeasures.utils.time_utils import (
    as_utc,
    forecast_horizons_for,
    server_now,
    supported_horizons,
    zone,
)

if TYPE_CHECKING:
    from flexmeasures.data.models.data_sources import DataSource
    from flexmeasures.data.models.time_series import Sensor

DEFAULT_PERIOD = timedelta(days=30)
LONGEST_PERIOD = timedelta(days=366)

NO_EVENTS = "No event has both a forecast with this horizon and a measurement."
ALL_ZERO = "All measured values are 0, so that errors cannot be compared with them."
TOO_LARGE = "Some values are too large to compute with."


@dataclass(frozen=True)
class Errors:
    """Of forecasts, over the events that were measured. A figure that cannot be told is None.

    events : how many
    mae, rmse : mean absolute error, root of the mean squared error; in the sensor's unit
    bias : mean of forecast - measurement, in the sensor's unit
    wape : sum of absolute errors / sum of absolute measurements
    reason : why some figure is None
    """

    events: int
    mae: float | None = None
    rmse: float | None = None
    bias: float | None = None
    wape: float | None = None
    reason: str | None = None

    @property
    def accuracy(self) -> float | None:
        """1 - WAPE: 1 if all forecasts were right, negative if they were worse than zeros."""
        return None if self.wape is None else 1 - self.wape


@dataclass(frozen=True)
class Band:
    """The widest band that probabilistic forecasts have.

    lower, upper : the cumulative probabilities at its ends
    coverage : the part of the events that lay in it
    events : how many measured ones it was given for
    """

    lower: float
    upper: float
    coverage: float
    events: int

    @property
    def nominal(self) -> float:
        """The part of the events that should lie in it."""
        return round(self.upper - self.lower, 9)


@dataclass(frozen=True)
class Score:
    """Of one forecaster, with one horizon.

    forecaster : a data source, or the name of a simple forecast to compare with
    belief_horizon : the mean of the actual horizons of what was believed, over the events that
        count; longer than the horizon that was asked for, if there was nothing as recent as that
    without_forecast : how many events were measured, but not forecast
    without_measurement : how many events were forecast, but not measured
    pinball : mean loss over all quantiles of probabilistic forecasts, in the sensor's unit
    skill : 1 - WAPE / WAPE of a simple forecast, by its name; over the events of which both exist.
        None if there are none, or if the simple forecast was right about all of them
    """

    forecaster: DataSource | str
    horizon: timedelta
    belief_horizon: timedelta | None
    errors: Errors
    without_forecast: int
    without_measurement: int
    band: Band | None = None
    pinball: float | None = None
    skill: dict[str, float | None] = field(default_factory=dict)

    @property
    def source(self) -> DataSource | None:
        return None if isinstance(self.forecaster, str) else self.forecaster

    @property
    def reference(self) -> str | None:
        return self.forecaster if isinstance(self.forecaster, str) else None


@dataclass(frozen=True)
class Accuracy:
    """Of all forecasts of a sensor's events in a period.

    start, end : events that start in [start, end), in the sensor's timezone
    measured : how many of these events were measured, by any of `measured_by`
    scores : of data sources, in their order, by horizon
    references : of the simple forecasts, by horizon
    notes : what was assumed, for people
    """

    sensor: Sensor
    start: datetime
    end: datetime
    horizons: list[timedelta]
    measured: int
    measured_by: list[DataSource]
    scores: list[Score]
    references: list[Score]
    notes: list[str]


def default_horizons(sensor: Sensor) -> list[timedelta]:
    """Those of forecasting jobs; of sensors for which there are none, as long as their events."""
    resolution = sensor.event_resolution
    usual = [horizon for horizon in supported_horizons() if horizon >= resolution]
    return forecast_horizons_for(resolution) or usual or [resolution]


def measure(
    sensor: Sensor,
    *,
    horizons: Sequence[timedelta] | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    duration: timedelta | None = None,
    sources: Sequence[DataSource] | None = None,
    limited: bool = False,
) -> Accuracy:
    """How accurate a sensor's forecasts were.

    horizons : positive; by default those of forecasting jobs
    start, end, duration : of the period, two of them at most; by default it ends with the last
        event that was measured, and takes 30 days
    sources : whose forecasts; by default everybody's
    limited : refuse what would take long to answer

    Raises FMValidationError for horizons that are not positive, for periods that end before they
    start and for what is refused.
    """
    horizons = sorted(set(default_horizons(sensor) if horizons is None else horizons))
    if not horizons or horizons[0] <= timedelta(0):
        raise FMValidationError("A horizon is a positive length, such as PT6H.", "horizons")
    start, end, notes = _period(sensor, start, end, duration)
    if limited:
        _check_size(sensor, end - start, len(horizons))
    history = read(
        sensor,
        start,
        end,
        horizons,
        measured_since=start - look_back(sensor, horizons[-1]),
        source_ids=None if sources is None else [source.id for source in sources],
    )
    forecasters = [*load_sources(history.source_ids).values()] if sources is None else sources
    first = history.measured.event_start.searchsorted(microseconds(start))
    events = history.measured.event_start[first:]
    scores = _Scores(sensor, history, events, history.measured.value[first:], horizons)
    local = zone(sensor.timezone)
    return Accuracy(
        sensor,
        start.astimezone(local),
        end.astimezone(local),
        horizons,
        len(events),
        sorted(load_sources(history.measured.source_ids).values()) if len(events) else [],
        [*scores.of_sources(sorted(set(forecasters)))],
        [*scores.of_references()],
        notes,
    )


def _period(
    sensor: Sensor, start: datetime | None, end: datetime | None, duration: timedelta | None
) -> tuple[datetime, datetime, list[str]]:
    """The whole period, in UTC, and what was assumed."""
    notes = []
    length = DEFAULT_PERIOD if duration is None else duration
    try:
        if end is None and start is not None and duration is not None:
            end = as_utc(start) + length
        elif end is None:
            end = _end_of_measurements(sensor)
            notes.append(
                "The period ends with the last event that was measured."
                if end
                else "Nothing was measured so far."
            )
            end = end or server_now()
            if start is not None and end <= start:
                end = as_utc(start) + length
        if start is None:
            start = as_utc(end) - length
            if duration is None:
                notes.append(f"The period takes {length.days} days.")
    except OverflowError as error:
        raise FMValidationError("Takes too long.", "duration") from error
    if end <= start:
        raise FMValidationError(
            "The period should end after it starts.", "end" if duration is None else "duration"
        )
    return as_utc(start), as_utc(end), notes


def _end_of_measurements(sensor: Sensor) -> datetime | None:
    last = last_measured(sensor)
    return None if last is None else last + (sensor.event_resolution or MICROSECOND)


def _check_size(sensor: Sensor, length: timedelta, number_of_horizons: int) -> None:
    if length > LONGEST_PERIOD:
        raise FMValidationError(
            f"The period can take {LONGEST_PERIOD.days} days at most.", "duration"
        )
    events = length // sensor.event_resolution if sensor.event_resolution else 0
    most: int = ask_app.setting("FLEXMEASURES_MAX_SENSOR_DATA_VALUES")
    if events * number_of_horizons > most:
        raise FMValidationError(
            f"These are {events} events with {number_of_horizons} horizons."
            f" One request may ask for {most} forecasts.",
            "duration",
        )


class _Scores:
    """Of forecasts of the events that were measured.

    events, truth : one entry per event
    """

    def __init__(
        self,
        sensor: Sensor,
        history: History,
        events: Integers,
        truth: Floats,
        horizons: Sequence[timedelta],
    ) -> None:
        self.history = history
        self.events = events
        self.truth = truth
        self.horizons = horizons
        references = References(sensor, history.measured, events)
        self.references = {horizon: dict(references.all(horizon)) for horizon in horizons}

    def of_sources(self, sources: Sequence[DataSource]) -> Iterator[Score]:
        for source in sources:
            forecasts = self.history.forecasts(source.id, self.horizons)
            for horizon, own in zip(self.horizons, forecasts, strict=True):
                yield self._of_source(source, horizon, own)

    def _of_source(self, source: DataSource, horizon: timedelta, own: Forecasts) -> Score:
        values = at(self.events, own.event_start, own.value)
        known = ~np.isnan(values)
        actual = at(self.events, own.event_start, own.horizon.astype(np.float64))[known]
        return Score(
            source,
            horizon,
            timedelta(microseconds=round(actual.mean())) if len(actual) else None,
            errors_of(values[known], self.truth[known]),
            without_forecast=int((~known).sum()),
            without_measurement=len(own.value) - int(known.sum()),
            band=self._band(own),
            pinball=self._pinball(own),
            skill={
                name: _skill(values, reference, self.truth)
                for name, reference in self.references[horizon].items()
            },
        )

    def of_references(self) -> Iterator[Score]:
        for name in next(iter(self.references.values())):
            for horizon, forecasts in self.references.items():
                known = ~np.isnan(forecasts[name])
                yield Score(
                    name,
                    horizon,
                    horizon if known.any() else None,
                    errors_of(forecasts[name][known], self.truth[known]),
                    without_forecast=int((~known).sum()),
                    without_measurement=0,
                )

    def _pinball(self, own: Forecasts) -> float | None:
        quantiles = own.quantiles
        with np.errstate(over="ignore"):
            above = at(quantiles.event_start, self.events, self.truth) - quantiles.event_value
            probability = quantiles.cumulative_probability
            loss = np.maximum(probability * above, (probability - 1) * above)
            return _mean(loss[~np.isnan(loss)])

    def _band(self, own: Forecasts) -> Band | None:
        quantiles = own.quantiles
        truth = at(quantiles.event_start, self.events, self.truth)
        quantiles, truth = quantiles.take(~np.isnan(truth)), truth[~np.isnan(truth)]
        if not len(truth):
            return None
        starts = changed(quantiles.event_start)
        lowest, highest = np.flatnonzero(starts), np.flatnonzero(np.append(starts[1:], True))
        probability, value = quantiles.cumulative_probability, quantiles.event_value
        lower, upper = probability[lowest], probability[highest]
        widest = np.argmax(upper - lower)
        if lower[widest] == upper[widest]:
            return None
        same = (lower == lower[widest]) & (upper == upper[widest])
        inside = (value[lowest] <= truth[lowest]) & (truth[lowest] <= value[highest])
        return Band(
            float(lower[widest]),
            float(upper[widest]),
            float(inside[same].mean()),
            int(same.sum()),
        )


def errors_of(forecast: Floats, truth: Floats) -> Errors:
    """How wrong forecasts are: two arrays with an entry per event, without missing values."""
    if not len(truth):
        return Errors(0, reason=NO_EVENTS)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        errors = forecast - truth
        sizes = np.abs(errors)
        largest = sizes.max()
        rmse = largest * np.sqrt(np.mean((sizes / largest) ** 2)) if largest else 0.0
        size = np.abs(truth).sum()
        wape = _finite(sizes.sum() / size) if size else None
    mae, bias = _mean(sizes), _mean(errors)
    figures = mae, _finite(rmse), bias, wape
    reason = ALL_ZERO if not size else TOO_LARGE if None in figures else None
    return Errors(len(truth), *figures, reason)


def _skill(forecast: Floats, reference: Floats, truth: Floats) -> float | None:
    """Over the events of which both exist."""
    both = ~np.isnan(forecast) & ~np.isnan(reference)
    with np.errstate(over="ignore", invalid="ignore"):
        other = np.abs(reference[both] - truth[both]).sum()
        own = np.abs(forecast[both] - truth[both]).sum()
        return _finite(1 - own / other) if other else None


def _mean(values: Floats) -> float | None:
    with np.errstate(over="ignore", invalid="ignore"):
        return _finite(values.mean()) if len(values) else None


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
