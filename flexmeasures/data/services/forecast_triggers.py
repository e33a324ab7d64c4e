"""What is asked for when forecasts are triggered, and the jobs that make them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from flask import current_app
from marshmallow import ValidationError

from flexmeasures.auth.acl import viewer
from flexmeasures.data.beliefs.query import Filters
from flexmeasures.data.beliefs.resample import local_edges
from flexmeasures.data.beliefs.rows import EPOCH, microseconds
from flexmeasures.data.beliefs.steps import step_values
from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.queries.access import readable
from flexmeasures.data.schemas.forecasting import DEFAULT_MODEL, limits_of
from flexmeasures.data.schemas.ids import missing_ids
from flexmeasures.data.schemas.times import FIRST_YEAR, LAST_YEAR
from flexmeasures.data.services.forecast_cycles import MOST_CYCLES, create_fixed_forecasting_job
from flexmeasures.data.services.forecast_runs import USUAL_QUANTILES
from flexmeasures.forecasting import registry
from flexmeasures.forecasting.forecaster import ModelForecaster
from flexmeasures.utils.time_utils import as_utc, ground_duration, localize, server_now, shift, zone
from flexmeasures.utils.unit_utils import units_are_convertible

if TYPE_CHECKING:
    from rq.job import Job

MOST_FORECASTS, MOST_STEPS_AHEAD = 200_000, 100_000
_REGRESSORS = ("regressors", "past_regressors", "future_regressors")


@dataclass(frozen=True)
class ForecastTrigger:
    """Which events to forecast, from when, and how.

    start, end : of the events; in UTC
    prior : what was recorded later does not count, and forecasts are made then, or at their start
        if that is earlier; None: now
    horizon : how far to look ahead at once
    frequency : how often to do so
    save_to : the sensor to store forecasts on
    regressors : ids of sensors; None: those that attributes name
    history : how much of the past to learn from; None: as much as the host says
    limits : lowest and highest value of forecasts, in the unit of the sensor
    notes : about wishes that change nothing
    """

    sensor: Sensor
    save_to: Sensor
    start: datetime
    end: datetime
    prior: datetime | None
    horizon: timedelta
    frequency: timedelta
    term: str
    quantiles: Sequence[float]
    regressors: list[int] | None
    history: timedelta | None
    limits: tuple[float | None, float | None]
    notes: list[str]

    def make_job(self) -> Job:
        """One that does it all, or that tells which others do."""
        other = self.save_to is not self.sensor
        return create_fixed_forecasting_job(
            self.sensor,
            start=self.start,
            end=self.end,
            belief_time=self.prior,
            max_forecast_horizon=self.horizon,
            forecast_frequency=self.frequency,
            model_search_term=self.term,
            regressors=self.regressors,
            quantiles=self.quantiles,
            settings=None if self.history is None else {"history": self.history},
            sensor_to_save=self.save_to if other else None,
            limits=self.limits,
            notes=self.notes,
            force_new_job_creation=True,  # more may be known than a moment ago
        )


def read_trigger(sensor: Sensor, save_to: Sensor, message: Mapping[str, Any]) -> ForecastTrigger:
    """What a message asks for.

    message : as `ForecastTriggerSchema` loads it

    Raises ValidationError, also for sensors that the caller may not read.
    """
    config = message["config"]
    _check_target(sensor, save_to)
    regressors = _regressors(config)
    start, end = _period(sensor, message)
    horizon, frequency = _looks(sensor, message, end - start)
    prior = None if message.get("prior") is None else as_utc(message["prior"])
    latest = as_utc(server_now()) if prior is None else prior
    _check_distance(sensor, latest, end)
    first_view = min(start, latest)
    term, notes = _term(sensor, message["model"])
    notes += _notes(config)
    history = _history(sensor, config, first_view, notes)
    _check_missing(sensor, config["missing_threshold"], first_view, history)
    return ForecastTrigger(
        sensor=sensor,
        save_to=save_to,
        start=start,
        end=end,
        prior=prior,
        horizon=horizon,
        frequency=frequency,
        term=term,
        quantiles=USUAL_QUANTILES if message["probabilistic"] else (),
        regressors=regressors,
        history=history,
        limits=limits_of(config),
        notes=notes,
    )


# ---------------------------------------------------------------------------------------------
# Sensors


def _regressors(config: Mapping[str, Any]) -> list[int] | None:
    named = {name: config[name] for name in _REGRESSORS if config.get(name) is not None}
    unknown = {*_unknown([id_ for ids in named.values() for id_ in ids])}
    errors = {}
    for name, ids in named.items():
        wrong = {
            position: [f"No sensor found with id {id_}."]
            for position, id_ in enumerate(ids)
            if id_ in unknown
        }
        if wrong:
            errors[name.replace("_", "-")] = wrong
    if errors:
        raise ValidationError({"config": errors})
    return list(dict.fromkeys(id_ for ids in named.values() for id_ in ids)) if named else None


def _unknown(ids: list[int]) -> list[int]:
    """Those that are not there, or not the caller's to read. One statement."""
    if not ids:
        return []
    may_read = Sensor.generic_asset.has(readable(viewer(), GenericAsset.account_id))
    return missing_ids(Sensor, dict.fromkeys(ids), may_read)


def find_target(sensor: Sensor, message: Mapping[str, Any]) -> Sensor:
    """The sensor to store forecasts on. Raises ValidationError if the caller may not read it."""
    id_ = message.get("sensor_to_save", sensor.id)
    if id_ == sensor.id:
        return sensor
    target = None if _unknown([id_]) else db.session.get(Sensor, id_)
    if target is None:
        raise ValidationError({"sensor-to-save": [f"No sensor found with id {id_}."]})
    return target


def _check_target(sensor: Sensor, target: Sensor) -> None:
    if target.event_resolution != sensor.event_resolution:
        message = f"Its resolution should be {sensor.event_resolution}, that of the forecasts."
        raise ValidationError({"sensor-to-save": [message]})
    if not units_are_convertible(sensor.unit, target.unit):
        message = f"Forecasts in {sensor.unit} cannot be converted to its unit, {target.unit}."
        raise ValidationError({"sensor-to-save": [message]})


# ---------------------------------------------------------------------------------------------
# Times


def _period(sensor: Sensor, message: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """From the start of an event to the end of another."""
    end = None
    try:
        start = _first_moment(sensor, message["start"]) if "start" in message else server_now()
        if "end" in message:
            end = _last_moment(sensor, message["end"])
            if "duration" in message:
                start = shift(end, -1 * ground_duration(message["duration"], end))
        start = _moved(sensor, start, up=False)
        if start.year < FIRST_YEAR:
            raise ValueError(start)
        if end is None:
            duration = message.get("duration", current_app.config["FLEXMEASURES_PLANNING_HORIZON"])
            end = shift(start, ground_duration(duration, start.astimezone(zone(sensor.timezone))))
        end = _moved(sensor, end, up=True)
        if end.year > LAST_YEAR:
            raise ValueError(end)
    except (ValueError, OverflowError) as error:
        text = f"This is too long. Years from {FIRST_YEAR} to {LAST_YEAR} can be used."
        raise ValidationError({"duration": [text]}) from error
    if end <= start:
        key = "end" if "end" in message else "duration"
        raise ValidationError({key: ["A forecast ends after its start."]})
    return start, end


def _first_moment(sensor: Sensor, moment: datetime | date) -> datetime:
    """Of a date: its start in the sensor's timezone."""
    if isinstance(moment, datetime):
        return moment
    return localize(datetime.combine(moment, time()), zone(sensor.timezone))


def _last_moment(sensor: Sensor, moment: datetime | date) -> datetime:
    if isinstance(moment, datetime):
        return moment
    return _first_moment(sensor, moment + timedelta(days=1))


def _moved(sensor: Sensor, moment: datetime, *, up: bool) -> datetime:
    """To the start of an event of the sensor; in UTC."""
    step = microseconds(sensor.event_resolution)
    if not step:
        return as_utc(moment)
    found = microseconds(moment)
    edges = local_edges(found, found, step, sensor.timezone)
    return EPOCH + timedelta(microseconds=int(edges[-1 if up else 0]))


def _looks(
    sensor: Sensor, message: Mapping[str, Any], period: timedelta
) -> tuple[timedelta, timedelta]:
    """How far to look ahead, and how often."""
    horizon = message.get("max_forecast_horizon", period)
    frequency = message.get("forecast_frequency", min(horizon, period))
    resolution = sensor.event_resolution
    for key, length in (("max-forecast-horizon", horizon), ("forecast-frequency", frequency)):
        if key.replace("-", "_") in message and resolution and length % resolution:
            message_ = f"Should be a multiple of the sensor's resolution, {resolution}."
            raise ValidationError({key: [message_]})
    if horizon > period:
        raise ValidationError(
            {"max-forecast-horizon": [f"This exceeds the forecast, which takes {period}."]}
        )
    jobs = -(-period // frequency)
    if jobs > MOST_CYCLES:
        raise ValidationError(
            {"forecast-frequency": [f"These are {jobs} forecasts. At most {MOST_CYCLES} are made."]}
        )
    values = jobs * (horizon // _step(sensor))
    if values > MOST_FORECASTS:
        key = "forecast-frequency" if "forecast_frequency" in message else "duration"
        raise ValidationError(
            {key: [f"These are {values} values. At most {MOST_FORECASTS} are made at once."]}
        )
    return horizon, frequency


def _check_distance(sensor: Sensor, latest: datetime, end: datetime) -> None:
    """All steps until then are part of what models are given."""
    if (end - latest) // _step(sensor) > MOST_STEPS_AHEAD:
        message = f"No more than {MOST_STEPS_AHEAD} events ahead can be forecast."
        raise ValidationError({"duration": [message]})


def _step(sensor: Sensor) -> timedelta:
    return sensor.event_resolution or timedelta(minutes=1)


# ---------------------------------------------------------------------------------------------
# What to learn from


def _history(
    sensor: Sensor, config: Mapping[str, Any], view: datetime, notes: list[str]
) -> timedelta | None:
    """How much of the past, as seen from the first viewpoint."""
    periods = (config.get(name) for name in ("train_period", "max_training_period"))
    wanted = [period for period in periods if period is not None]
    if "train_start" in config:
        length = view - _first_moment(sensor, config["train_start"])
        if length < timedelta(days=2):
            message = "Should be 2 days or more before the forecast is made."
            raise ValidationError({"config": {"train-start": [message]}})
        wanted.append(length)
    if not wanted:
        return None
    most: timedelta = current_app.config["FLEXMEASURES_FORECASTING_HISTORY"]
    if min(wanted) > most:
        notes.append(f"No more than {most.days} days of history were used.")
    return min(*wanted, most)


def _check_missing(
    sensor: Sensor, threshold: float, view: datetime, history: timedelta | None
) -> None:
    """Raises ValidationError if more of the history is missing than this share of it."""
    if threshold >= 1 or not sensor.event_resolution:
        return
    length = history or current_app.config["FLEXMEASURES_FORECASTING_HISTORY"]
    view = _moved(sensor, view, up=False)
    start = _moved(sensor, view - length, up=False)
    filters = Filters(horizons_at_most=timedelta(0))
    known = ~np.isnan(step_values(sensor, start, view, sensor.event_resolution, filters))
    if history is None:  # what there is, counts
        known = known[known.argmax() :]
    missing = 1 - known.mean() if len(known) else 1.0
    if missing > threshold:
        message = f"{missing:.1%} of the history is missing."
        raise ValidationError({"config": {"missing-threshold": [message]}})


# ---------------------------------------------------------------------------------------------
# How


def _term(sensor: Sensor, model: str) -> tuple[str, list[str]]:
    """The search term of a model, and what is to be said about it."""
    try:
        forecaster = registry.find_forecaster_class(sensor)
    except (ValueError, ImportError, NotImplementedError) as error:
        raise ValidationError({"model": [f"The sensor's custom forecaster: {error}"]}) from error
    if model.lower() == DEFAULT_MODEL.lower():
        return registry.DEFAULT_MODEL, []
    if model.lower() not in registry.model_map:
        known = ", ".join([DEFAULT_MODEL, *registry.model_map])
        raise ValidationError({"model": [f"Should be one of: {known}."]})
    if issubclass(forecaster, ModelForecaster):
        return model.lower(), []
    return model.lower(), [f"The model was not used: the sensor has a {forecaster.__name__}."]


def _notes(config: Mapping[str, Any]) -> list[str]:
    """What is said about wishes that change nothing."""
    notes = []
    if config.get("retrain_frequency") is not None:
        notes.append("retrain-frequency was not used: models are fitted anew for each day.")
    if config.get("model_params"):
        notes.append("model-params were not used: models choose their parameters themselves.")
    if config.get("past_regressors"):
        notes.append("Of past-regressors, forecasts were used, too, as far as there were any.")
    return notes
