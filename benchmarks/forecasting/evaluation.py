"""From a series and models to scores: one cell for each model and horizon."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.forecasting import memory
from benchmarks.forecasting.baselines import BASELINES
from benchmarks.forecasting.datasets import Dataset
from benchmarks.forecasting.models import find, label
from benchmarks.forecasting.rolling import Answers, Questions, answer, ask
from benchmarks.forecasting.scores import coverage, relative_width, wape
from flexmeasures.forecasting.engine.series import Floats

REFERENCE = "OLS-AR"
FILL = "seasonal"  # in place of forecasts that a model does not give
BAND = (0.05, 0.95)


@dataclass(frozen=True)
class Scope:
    """What is forecast of each series.

    horizons : hours before the event's end
    through_database : let the product make the same forecasts as well
    """

    horizons: tuple[int, ...] = (1, 6, 24, 48)
    refit_days: int = 7
    fraction: float = 0.25
    first: str | None = None
    last: str | None = None
    modes: tuple[str, ...] = ("forecast",)
    through_database: bool = False


@dataclass(frozen=True)
class Cell:
    """How good a model is on one series, at one horizon.

    ratio : of its WAPE to that of OLS-AR
    beaten : whether its WAPE is below that of each baseline; None for baselines themselves
    answered : the share of the measured events that it had a forecast for
    coverage, width : of the 90 % band; nan if there is none
    """

    series: str
    horizon: int
    model: str
    events: int
    wape: float
    ratio: float
    beaten: bool | None = None
    answered: float = 1.0
    coverage: float = float("nan")
    width: float = float("nan")


@dataclass(frozen=True)
class Cost:
    """What a model took on one series: seconds per fit and per block of forecasts, MB at most."""

    series: str
    model: str
    fits: int
    fit_seconds: float
    fit_seconds_max: float
    predict_seconds: float
    peak_megabytes: float
    notes: dict[str, int]


def scored_part(dataset: Dataset, scope: Scope) -> tuple[int, int]:
    """The first event that is scored, and the one after the last."""
    size = len(dataset.series)
    first = size - int(scope.fraction * size)
    last = size
    if scope.first:
        first = int(dataset.starts.searchsorted(_utc(scope.first)))
    if scope.last:
        last = int(dataset.starts.searchsorted(_utc(scope.last)))
    return first, last


def evaluate(
    dataset: Dataset, terms: list[str], scope: Scope, tell: Callable[[str], None]
) -> Iterator[Cell | Cost]:
    """The cells of all baselines and models for one series, and what the models took."""
    first, last = scored_part(dataset, scope)
    per_hour = dataset.series.steps_per_day / 24
    horizons = {hours: round(hours * per_hour) for hours in scope.horizons}
    horizons = {hours: steps for hours, steps in horizons.items() if steps >= 1}
    if last - first < 1 or first < max(horizons.values(), default=0) or not horizons:
        tell(f"{dataset.name}: nothing to score")
        return
    questions = ask(dataset.series, first, last, list(horizons.values()), scope.refit_days)
    judge = Judge(dataset, questions, {h: steps - 1 for h, steps in horizons.items()})
    yield from judge.baselines()
    for term in terms:
        known: dict[str, dict[str, Answers]] = {}
        for mode in scope.modes:
            told = dataset.nearest_mode(mode)
            if told not in known:
                known[told] = {}
                for way, make in ways(dataset, term, told, questions, horizons, scope).items():
                    begin = time.perf_counter()
                    with memory.peak() as peak:
                        known[told][way] = make()
                    name = label(term, mode) + way
                    yield judge.cost(name, known[told][way], peak.megabytes)
                    tell(f"{dataset.name}: {name} took {time.perf_counter() - begin:.1f} s")
            for way, answers in known[told].items():
                yield from judge.cells(label(term, mode) + way, answers)


def ways(
    dataset: Dataset,
    term: str,
    mode: str,
    questions: Questions,
    horizons: dict[int, int],
    scope: Scope,
) -> dict[str, Callable[[], Answers]]:
    """How to get forecasts: by what is added to the model's name."""
    regressors = dataset.regressors[mode]

    def by_engine() -> Answers:
        return answer(find(term), replace(dataset.series, regressors=regressors), questions, BAND)

    def by_product() -> Answers:
        from benchmarks.forecasting.product import answer_by_product

        return answer_by_product(dataset, regressors, term, questions, horizons, BAND)

    return {"": by_engine} | ({"@database": by_product} if scope.through_database else {})


class Judge:
    """Scores forecasts of one series."""

    def __init__(self, dataset: Dataset, questions: Questions, ahead: dict[int, int]) -> None:
        self.name = dataset.name
        self.questions = questions
        self.places = {
            hours: np.flatnonzero(questions.events - questions.viewpoints == steps)
            for hours, steps in ahead.items()
        }
        series = dataset.series
        self.measured = series.values[questions.events]
        self.simple = {
            name: baseline(
                series.values,
                round(series.steps_per_day),
                questions.events,
                questions.viewpoints,
                questions.refits,
            )
            for name, baseline in BASELINES.items()
        }
        for name, forecast in self.simple.items():
            self.simple[name] = np.where(np.isnan(forecast), self.simple[FILL], forecast)
        self.wapes = {
            hours: {name: self.wape(by, places) for name, by in self.simple.items()}
            for hours, places in self.places.items()
        }

    def wape(self, forecast: Floats, places: np.ndarray) -> float:
        return wape(self.measured[places], forecast[places])

    def baselines(self) -> Iterator[Cell]:
        for hours, by_name in self.wapes.items():
            for name, error in by_name.items():
                yield self._cell(hours, name, error)

    def cells(self, name: str, answers: Answers) -> Iterator[Cell]:
        filled = np.where(np.isnan(answers.values), self.simple[FILL], answers.values)
        for hours, places in self.places.items():
            error = self.wape(filled, places)
            there = ~np.isnan(self.measured[places])
            band = answers.low[places], answers.high[places]
            yield replace(
                self._cell(hours, name, error),
                beaten=bool(error < min(self.wapes[hours].values())),
                answered=float((~np.isnan(answers.values[places]))[there].mean()),
                coverage=coverage(self.measured[places], *band),
                width=relative_width(self.measured[places], *band),
            )

    def _cell(self, hours: int, name: str, error: float) -> Cell:
        events = int((~np.isnan(self.measured[self.places[hours]])).sum())
        return Cell(self.name, hours, name, events, error, error / self.wapes[hours][REFERENCE])

    def cost(self, name: str, answers: Answers, megabytes: float) -> Cost:
        fits = np.array(answers.fit_seconds or [np.nan])
        predictions = np.array(answers.predict_seconds or [np.nan])
        return Cost(
            self.name,
            name,
            len(answers.fit_seconds),
            float(fits.mean()),
            float(fits.max()),
            float(predictions.mean()),
            megabytes,
            answers.notes,
        )


def _utc(text: str) -> np.datetime64:
    import pandas as pd

    moment = pd.Timestamp(text)
    return moment.tz_localize("UTC") if moment.tz is None else moment.tz_convert("UTC")
