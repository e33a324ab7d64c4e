"""Forecast a sensor and store the result: what commands, jobs and requests have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from flask import current_app

from flexmeasures.data.beliefs.knowledge import Timing, knowledge_time
from flexmeasures.data.beliefs.rows import Rows
from flexmeasures.data.beliefs.save import save_rows
from flexmeasures.data.config import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services.data_sources import get_or_create_source
from flexmeasures.forecasting.base import Forecasts, Settings
from flexmeasures.forecasting.registry import DEFAULT_MODEL, find_forecaster_class
from flexmeasures.utils.unit_utils import convert_units, units_are_convertible

if TYPE_CHECKING:
    from flexmeasures.forecasting.base import Forecaster, ModelStore

USUAL_QUANTILES = (0.05, 0.25, 0.75, 0.95)
"""What is forecast beside the median, if forecasts are to be probabilistic."""


@dataclass(frozen=True)
class Outcome:
    """What a run made of a sensor's future.

    forecasts : how many were made; one per event and belief time, whatever its quantiles
    by_rung : how many by the model that made them, of each belief horizon in turn; the horizon is
        None if they were seen from one moment
    new : values that were not stored before; unchanged ones are not stored again
    source_ids : of all these beliefs
    notes : what was assumed, left out or chosen, for people
    """

    forecasts: int
    by_rung: dict[timedelta | None, dict[str, int]]
    new: int
    source_ids: list[int]
    notes: list[str] = field(default_factory=list)

    def __add__(self, other: Outcome) -> Outcome:
        """What both made together."""
        horizons = {**self.by_rung, **other.by_rung}
        return Outcome(
            self.forecasts + other.forecasts,
            {
                horizon: total([self.by_rung.get(horizon, {}), other.by_rung.get(horizon, {})])
                for horizon in horizons
            },
            self.new + other.new,
            sorted({*self.source_ids, *other.source_ids}),
            unique([*self.notes, *other.notes]),
        )

    def rungs(self) -> dict[str, int]:
        """How many forecasts each model made."""
        return total(self.by_rung.values())


def total(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """By name, the sum of what they count."""
    together: Counter[str] = Counter()
    for part in counts:
        together.update(part)
    return dict(together)


def unique(texts: Iterable[str]) -> list[str]:
    """Each once, in their order."""
    return list(dict.fromkeys(texts))


def forecast(
    sensor: Sensor,
    start: datetime,
    end: datetime,
    *,
    horizons: Sequence[timedelta] | None = None,
    belief_time: datetime | None = None,
    model_search_term: str = DEFAULT_MODEL,
    regressors: Sequence[Sensor] | None = None,
    quantiles: Sequence[float] = (),
    resolution: timedelta | None = None,
    save_to: Sensor | None = None,
    settings: Mapping[str, Any] | None = None,
    limits: tuple[float | None, float | None] = (None, None),
    store: ModelStore | None = None,
    prior: datetime | None = None,
) -> Outcome:
    """Forecast the events that start in [start, end), and store that; the caller commits.

    Doing it again stores nothing new; if it gives other values (as measurements were corrected, or
    came in late), these take the place of the stored ones.

    horizons : a forecast of each event for each of them, made that long before it can be known
    belief_time : or else, one forecast of each event, all made at this moment
    model_search_term, regressors, quantiles, store : see `Forecaster`
    resolution : forecast means over slots of this length, a multiple of the sensor's resolution.
        All events in a slot get its mean, as seen from one moment, at which the first of them was
        the horizon away (with horizons only)
    save_to : another sensor to store the forecasts on, of the same resolution
    settings : fields of `flexmeasures.forecasting.base.Settings` that are not as configured
    limits : the lowest and the highest value that forecasts take, in the sensor's unit
    prior : what became known later does not count

    Raises
    ------
    NotEnoughDataException : nothing can be forecast; the text says why
    InvalidHorizonException : forecasts cannot be made that far ahead
    ValueError : bad input
    Exception : there is no such model
    """
    if (horizons is None) == (belief_time is None):
        raise ValueError("Expected horizons or a belief time.")
    target = sensor if save_to is None else save_to
    _check_target(sensor, target)
    forecaster = find_forecaster_class(sensor)(
        sensor,
        model_search_term=model_search_term,
        regressors=regressors,
        quantiles=[quantile for quantile in quantiles if quantile != 0.5],
        settings=_settings(settings),
        store=store,
        belief_time=prior,
    )
    if belief_time is not None:
        made = forecaster.fixed(start, end, belief_time)
    elif horizons is not None and resolution not in (None, sensor.event_resolution):
        assert resolution is not None
        made = in_slots(forecaster, start, end, horizons, resolution)
    else:
        made = forecaster.rolling(start, end, horizons or ())
    frame = _within(made.frame, *limits)
    sources = {rung: _source(forecaster, rung) for rung in sorted(frame["rung"].unique())}
    rows = _rows(sensor, target, frame, sources)
    # Who asks for what is seen from one moment, looks for it there.
    saved = save_rows(rows, unchanged="skip" if belief_time is None else "store", overwrite=True)
    return Outcome(
        forecasts=len(frame),
        by_rung=_counts(frame, by_horizon=belief_time is None),
        new=saved.new,
        source_ids=sorted({source.id for source in sources.values()}),
        notes=list(made.notes),
    )


def _settings(given: Mapping[str, Any] | None) -> Settings:
    config = current_app.config
    configured = {
        "history": config["FLEXMEASURES_FORECASTING_HISTORY"],
        "public_holidays": config["FLEXMEASURES_FORECASTING_PUBLIC_HOLIDAYS"],
    }
    return Settings(**configured | dict(given or {}))


def _within(frame: pd.DataFrame, lower: float | None, upper: float | None) -> pd.DataFrame:
    """With values and quantiles between these."""
    if lower is None and upper is None:
        return frame
    frame = frame.copy()
    columns = ["value", *_quantiles(frame)]
    frame[columns] = frame[columns].clip(lower, upper)
    return frame


def _quantiles(frame: pd.DataFrame) -> list[float]:
    """The probabilities whose values it has, beside the median."""
    return [column for column in frame.columns if isinstance(column, float) and column != 0.5]


def _check_target(sensor: Sensor, target: Sensor) -> None:
    if target.event_resolution != sensor.event_resolution:
        raise ValueError(
            f"Forecasts of sensor {sensor.id} are about events of {sensor.event_resolution}, and"
            f" cannot be stored on sensor {target.id}, whose events last {target.event_resolution}."
        )
    if not units_are_convertible(sensor.unit, target.unit):
        raise ValueError(
            f"Forecasts of sensor {sensor.id} are in {sensor.unit}, and cannot be stored on sensor"
            f" {target.id}, whose unit is {target.unit}."
        )


def _source(forecaster: Forecaster, rung: str) -> DataSource:
    info = forecaster.get_data_source_info(rung)
    return get_or_create_source(
        str(info["name"]),
        source_type="forecaster",
        model=info.get("model"),
        version=info.get("version"),
    )


def _rows(
    sensor: Sensor, target: Sensor, frame: pd.DataFrame, sources: dict[str, DataSource]
) -> Rows:
    """Beliefs about the target: one row per forecast and probability, the median among these."""
    event_start = _microseconds(frame["event_start"])
    belief_time = _microseconds(frame["belief_time"])
    horizon = Timing.of(target).knowledge_times(event_start) - belief_time
    # Beliefs of another horizon count as measurements, which forecasts never are.
    ahead = horizon > 0
    source_ids = frame["rung"].map({rung: source.id for rung, source in sources.items()})
    medians = frame["value"].to_numpy(float)
    parts = []
    for probability, values in _values(frame, medians):
        if target.unit != sensor.unit:
            values = convert_units(values, sensor.unit, target.unit, target.event_resolution)
        parts.append(
            Rows(
                np.full(len(frame), target.id, np.int64),
                event_start,
                source_ids.to_numpy(np.int64),
                horizon,
                np.full(len(frame), probability),
                values,
            ).take(ahead)
        )
    db.session.flush()
    return Rows.joined(parts)


def _values(frame: pd.DataFrame, medians: Any) -> list[tuple[float, Any]]:
    """By probability. The median is the point forecast, and quantiles do not cross it."""
    found = [(0.5, medians)]
    for probability in _quantiles(frame):
        limit = np.minimum if probability < 0.5 else np.maximum
        found.append((probability, limit(frame[probability].to_numpy(float), medians)))
    return found


def _microseconds(times: pd.Series) -> Any:
    """Since the Unix epoch."""
    return pd.DatetimeIndex(times).as_unit("us").asi8


def _counts(frame: pd.DataFrame, by_horizon: bool) -> dict[timedelta | None, dict[str, int]]:
    if not by_horizon:
        return {None: frame["rung"].value_counts().to_dict()}
    return {
        pd.Timedelta(horizon).to_pytimedelta(): part.value_counts().to_dict()
        for horizon, part in frame.groupby("belief_horizon")["rung"]
    }


def in_slots(
    forecaster: Forecaster,
    start: datetime,
    end: datetime,
    horizons: Sequence[timedelta],
    resolution: timedelta,
) -> Forecasts:
    """Means over longer slots than the events of the sensor, counted from the start on.

    As seen from one moment for each slot, its n-th event has a horizon that is n - 1 steps longer
    than that of the first.
    """
    step = forecaster.sensor.event_resolution
    if not step or resolution < step or resolution % step:
        raise ValueError(
            f"The resolution of forecasts, {resolution}, has to be a multiple of that of sensor"
            f" {forecaster.sensor.id}, which is {step}."
        )
    later = [number * step for number in range(resolution // step)]
    asked = sorted({horizon + wait for horizon in horizons for wait in later})
    made = forecaster.rolling(start, end, asked)
    frame = made.frame
    place = (frame["event_start"] - pd.Timestamp(start)) % pd.Timedelta(resolution)
    slots = pd.DatetimeIndex(frame["event_start"] - place)
    known = knowledge_time(forecaster.sensor, slots)
    parts = []
    for horizon in horizons:
        seen_then = np.asarray(known - horizon == pd.DatetimeIndex(frame["belief_time"]))
        part = frame[seen_then].copy()
        columns = ["value", *_quantiles(part)]
        part[columns] = part.groupby(slots[seen_then])[columns].transform("mean")
        part["belief_horizon"] = pd.Timedelta(horizon)
        parts.append(part)
    return Forecasts(pd.concat(parts, ignore_index=True), made.notes)
