"""The forecaster that runs our own models, one after the other until each event has a forecast."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import blake2b

import numpy as np

from flexmeasures.forecasting.base import Forecaster, Forecasts
from flexmeasures.forecasting.engine.model import CannotForecast, Fitted, Model, Prediction
from flexmeasures.forecasting.engine.series import Floats, Series, Steps
from flexmeasures.forecasting.exceptions import NotEnoughDataException
from flexmeasures.forecasting.inputs import Inputs
from flexmeasures.forecasting.refits import (
    LEVELS,
    Refit,
    aheads,
    credible,
    cut,
    digest,
    margin,
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


@dataclass(frozen=True, eq=False)
class _Part:
    """What models get to see: to predict with, and (what was known at the viewpoint) to learn from.

    first : the step that both begin with; all else is counted from there
    ahead : see `Model.fit`
    """

    series: Series
    known: Series
    first: int
    viewpoint: int
    ahead: Steps

    @property
    def limits(self) -> tuple[float, float]:
        return self.series.lower, self.series.upper

    @cached_property
    def digest(self) -> str:
        return digest(self.known)


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
        self.reasons: Counter[tuple[str, str]] = Counter()

    def forecasts(self) -> Forecasts:
        """Raises NotEnoughDataException if there would be none."""
        views = self.views
        if len(views):
            known = known_values(self.inputs, views.viewpoints) > 0
            todo = np.flatnonzero(known)
            for level in LEVELS:
                for refit in refits(self.inputs, views, level, todo):
                    self._forecast(refit)
                todo = todo[np.isnan(self.values[todo])]
            if np.isnan(self.values).all():
                raise self._nothing(known.any())
        return views.forecasts(
            self.values, self.rungs, self.forecaster.quantiles, self.quantiles, self._all_notes()
        )

    def _forecast(self, refit: Refit) -> None:
        """Let one model after the other answer, until there is nothing left to answer."""
        part = self._part(refit)
        todo = refit.chosen
        term: str | None = self.forecaster.model_search_term
        tried = set()
        while term is not None and term not in tried and len(todo):
            tried.add(term)
            model, identifier, next_term = find_model(term)
            found, why = self._answer(model, identifier, part, todo)
            if found is not None:
                todo = self._keep(todo, found, identifier, part.limits)
            if len(todo):
                self.reasons[identifier, why] += len(todo)
            term = next_term

    def _part(self, refit: Refit) -> _Part:
        inputs, events = self.inputs, self.views.events[refit.chosen]
        first, more = refit.first, margin(inputs)
        viewpoint = refit.viewpoint - first
        series = cut(inputs.series, first, max(int(events.max()), refit.viewpoint) + more)
        known = cut(series, 0, viewpoint + more).up_to(viewpoint)
        limits = credible(inputs.limits, known.values)
        if limits != inputs.limits:
            self._note("Measurements are often beyond what attributes allow, so forecasts may be.")
        lower, upper = limits
        return _Part(
            replace(series, lower=lower, upper=upper),
            replace(known, lower=lower, upper=upper),
            first,
            viewpoint,
            aheads(inputs, self.views, refit),
        )

    def _answer(
        self, model: Model, identifier: str, part: _Part, todo: Steps
    ) -> tuple[Prediction | None, str]:
        """What a model says, if anything; or why it does not."""
        events, viewpoints = self.views.events[todo], self.views.viewpoints[todo]
        try:
            fitted = self._fitted(model, identifier, part)
            found = fitted.predict(part.series, events - part.first, viewpoints - part.first)
        except CannotForecast as error:
            return None, str(error)
        except _FAILURES as error:
            logger.exception("Sensor %s: %s failed.", self.inputs.sensor.id, identifier)
            return None, f"{type(error).__name__}: {error}"
        for note in fitted.notes:
            self._note(f"{identifier}: {note}")
        return found, "It had no value for them."

    def _fitted(self, model: Model, identifier: str, part: _Part) -> Fitted:
        """From the store, or made now."""
        quantiles, store = self.forecaster.quantiles, self.forecaster.store
        if store is None:
            return model.fit(part.known, part.viewpoint, part.ahead, quantiles)
        kind = type(model)
        what = [identifier, kind.__module__, kind.__qualname__, quantiles, part.ahead.tolist()]
        about = blake2b(json.dumps(what).encode(), digest_size=16).hexdigest()
        key = f"{self.inputs.sensor.id}:{part.digest}:{part.viewpoint}:{about}"
        fitted = store.get(key)
        if fitted is None:
            fitted = model.fit(part.known, part.viewpoint, part.ahead, quantiles)
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

    def _nothing(self, is_known: np.bool_) -> NotEnoughDataException:
        if is_known and self.reasons:
            return NotEnoughDataException(". ".join(self._failures()))
        return nothing_known(self.inputs, self.views)

    def _failures(self) -> list[str]:
        return [
            f"{count} forecasts could not be made by {identifier}: {why}"
            for (identifier, why), count in self.reasons.items()
        ]

    def _note(self, text: str) -> None:
        self.notes[text] = None

    def _all_notes(self) -> list[str]:
        notes = [*self.inputs.notes, *self._failures(), *self.notes]
        if len(notes) > MOST_NOTES:
            notes = [*notes[:MOST_NOTES], f"There are {len(notes) - MOST_NOTES} more such notes."]
        return notes


def _within(values: Floats, limits: tuple[float, float]) -> Floats:
    # Adding zero turns negative zeros into plain ones.
    return np.clip(values, *limits) + 0.0
