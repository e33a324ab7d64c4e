"""The forecaster that runs our own models, one after the other until each event has a forecast."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from flexmeasures.forecasting.base import Forecaster, Forecasts
from flexmeasures.forecasting.engine.model import CannotForecast, Fitted, Model, Prediction
from flexmeasures.forecasting.engine.series import Floats, Series, Steps
from flexmeasures.forecasting.inputs import Inputs
from flexmeasures.forecasting.refits import (
    LEVELS,
    Refit,
    aheads,
    credible,
    cut,
    digest,
    known_part,
    refits,
)
from flexmeasures.forecasting.registry import find_model
from flexmeasures.forecasting.views import Views, fixed, known_values, nothing_known, rolling

logger = logging.getLogger(__name__)

MOST_NOTES = 40
# What numbers can do to a model. Anything else is a defect of ours, and should be seen.
_FAILURES = (ArithmeticError, LookupError, ValueError)


class ModelForecaster(Forecaster):
    """Forecasts with the model of a search term, and with the next in line where it cannot."""

    __author__ = "Seita"

    def rolling(self, start: datetime, end: datetime, horizons: Sequence[timedelta]) -> Forecasts:
        find_model(self.model_search_term)
        return _Run(self, *rolling(self, start, end, horizons)).forecasts()

    def fixed(self, start: datetime, end: datetime, belief_time: datetime) -> Forecasts:
        find_model(self.model_search_term)
        return _Run(self, *fixed(self, start, end, belief_time)).forecasts()

    def get_data_source_info(self, rung: str) -> dict[str, str | None]:
        return {"name": f"Seita ({rung})", "model": None, "version": None}


class _Run:
    """Forecasts in the making."""

    def __init__(self, forecaster: ModelForecaster, inputs: Inputs, views: Views) -> None:
        self.forecaster = forecaster
        self.inputs = inputs
        self.views = views
        number = len(views)
        self.values = np.full(number, np.nan)
        self.quantiles = np.full((number, len(forecaster.quantiles)), np.nan)
        self.rungs = np.full(number, "", dtype=object)
        self.notes: dict[str, None] = {}
        self.reasons: Counter[tuple[str, str, str]] = Counter()

    def forecasts(self) -> Forecasts:
        """Raises NotEnoughDataException if there would be none."""
        views = self.views
        if len(views):
            todo = np.flatnonzero(known_values(self.inputs, views.viewpoints) > 0)
            for level in LEVELS:
                for refit in refits(self.inputs, views, level, todo):
                    self._forecast(refit)
                todo = todo[np.isnan(self.values[todo])]
            if np.isnan(self.values).all():
                raise nothing_known(self.inputs, views)
        return views.forecasts(
            self.values, self.rungs, self.forecaster.quantiles, self.quantiles, self._all_notes()
        )

    def _forecast(self, refit: Refit) -> None:
        """Let one model after the other answer, until there is nothing left to answer."""
        views, first = self.views, refit.first
        known = known_part(self.inputs.series, first, refit.viewpoint, self.inputs.limits)
        limits = credible(self.inputs.limits, known.values)
        if limits != self.inputs.limits:
            self._note("Measurements are often beyond what attributes allow, so forecasts may be.")
        known = known_part(self.inputs.series, first, refit.viewpoint, limits)
        end = int(max(views.events[refit.chosen].max() + 1, refit.viewpoint))
        series = cut(self.inputs.series, first, end, limits)
        ahead = aheads(self.inputs, views, refit)
        of_data = "" if self.forecaster.store is None else digest(known)
        todo = refit.chosen
        term: str | None = self.forecaster.model_search_term
        tried: dict[str, str] = {}
        while term is not None and term not in tried and len(todo):
            model, identifier, next_term = find_model(term)
            tried[term] = identifier
            try:
                fitted = self._fitted(model, identifier, known, ahead, of_data)
                found = fitted.predict(
                    series, views.events[todo] - first, views.viewpoints[todo] - first
                )
                why = "it had no value"
            except CannotForecast as error:
                found, why = None, str(error)
            except _FAILURES as error:
                logger.exception("Sensor %s: %s failed.", self.inputs.sensor.id, identifier)
                found, why = None, f"{type(error).__name__}: {error}"
            if found is not None:
                for note in fitted.notes:
                    self._note(f"{identifier}: {note}")
                left = self._keep(todo, found, identifier, limits)
            else:
                left = todo
            if len(left) and next_term is not None:
                self.reasons[(identifier, str(next_term), why)] += len(left)
            todo, term = left, next_term

    def _fitted(
        self, model: Model, identifier: str, known: Series, ahead: Steps, of_data: str
    ) -> Fitted:
        """From the store, or made now."""
        forecaster, store = self.forecaster, self.forecaster.store
        kind = type(model)
        what = {
            "sensor": forecaster.sensor.id,
            "model": [identifier, kind.__module__, kind.__qualname__],
            "data": of_data,
            "ahead": ahead.tolist(),
            "quantiles": forecaster.quantiles,
        }
        key = f"{forecaster.sensor.id}:{identifier}:{_hash(json.dumps(what))}"
        found = None if store is None else store.get(key)
        if found is not None:
            return found
        fitted = model.fit(known, len(known), ahead, forecaster.quantiles)
        if store is not None:
            store.put(key, fitted)
        return fitted

    def _keep(
        self, todo: Steps, found: Prediction, identifier: str, limits: tuple[float, float]
    ) -> Steps:
        """Take the finite ones of these forecasts; which are left?"""
        good = np.isfinite(found.values)
        around = found.quantiles
        if len(self.forecaster.quantiles):
            if around is None:
                return todo
            good &= np.isfinite(around).all(axis=1)
            self.quantiles[todo[good]] = np.sort(_within(around[good], limits), axis=1)
        self.values[todo[good]] = _within(found.values[good], limits)
        self.rungs[todo[good]] = identifier
        return todo[~good]

    def _note(self, text: str) -> None:
        self.notes[text] = None

    def _all_notes(self) -> list[str]:
        fallbacks = [
            f"{count} forecasts are not by the {one}, but by the next in line ({other}): {why}"
            for (one, other, why), count in self.reasons.items()
        ]
        notes = [*self.inputs.notes, *fallbacks, *self.notes]
        if len(notes) > MOST_NOTES:
            notes = [*notes[:MOST_NOTES], f"There are {len(notes) - MOST_NOTES} more such notes."]
        return notes


def _within(values: Floats, limits: tuple[float, float]) -> Floats:
    # Adding zero turns negative zeros into plain ones.
    return np.clip(values, *limits) + 0.0


def _hash(text: str) -> str:
    from hashlib import blake2b

    return blake2b(text.encode(), digest_size=16).hexdigest()
