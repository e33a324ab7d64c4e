"""Events of the past as they were to be forecast: what models are trained and tested on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flexmeasures.forecasting.engine.features import Past, build
from flexmeasures.forecasting.engine.model import CannotForecast
from flexmeasures.forecasting.engine.series import Floats, Steps

FEW_LEADS = 8
LEADS_A_VIEWPOINT = 4
WARM_UP = 15
"""Days that no event is taken from, at most, since they have few days before them."""


@dataclass(frozen=True, eq=False)
class Sample:
    """m pairs of event and viewpoint, in order of viewpoints.

    lead : (m,) steps between the last known event and this one, less one
    features : by name, (m,) each
    target : (m,) what was measured
    """

    events: Steps
    viewpoints: Steps
    features: dict[str, Floats]
    target: Floats

    def __len__(self) -> int:
        return len(self.events)

    @property
    def lead(self) -> Floats:
        return self.features["lead"]

    def part(self, chosen: np.ndarray) -> Sample:
        features = {name: column[chosen] for name, column in self.features.items()}
        return Sample(self.events[chosen], self.viewpoints[chosen], features, self.target[chosen])


def draw(past: Past, viewpoint: int, ahead: Steps, most: int, least: int) -> Sample:
    """Pairs that were known at the viewpoint, spread evenly; the same ones each time.

    Raises
    ------
    CannotForecast : there are fewer than `least`
    """
    series = past.series
    known = int(series.known_before(np.array([viewpoint]))[0])
    exists = np.flatnonzero(np.isfinite(past.values[:known]))
    if not len(exists):
        raise CannotForecast("There are no measurements before the forecast.")
    first, last = int(exists[0]), int(exists[-1])
    warm_up = int(min(WARM_UP * past.per_day, 0.15 * (last - first)))
    distances = _distances(ahead, known - 1 - last, past.per_day)
    events, viewpoints = _pairs(first + warm_up + 1, last, distances)
    usable = (events <= last) & (events >= first)
    events, viewpoints = events[usable], viewpoints[usable]
    usable = np.isfinite(past.values[events]) & (series.known_before(viewpoints) <= events)
    events, viewpoints = events[usable], viewpoints[usable]
    if len(events) < least:
        raise CannotForecast(
            f"There are {len(events)} measurements to learn from, and {least} are needed."
        )
    if len(events) > most:
        chosen = np.sort(np.random.default_rng(0).permutation(len(events))[:most])
        events, viewpoints = events[chosen], viewpoints[chosen]
    features = build(past, events, viewpoints, past.known(events, viewpoints))
    return Sample(events, viewpoints, features, past.values[events])


def _distances(ahead: Steps, gap: int, per_day: float) -> Steps:
    """What will be asked for, also as seen from before the gap that there is now, or that may come.

    Without the latter, a model of one hour ahead would only know how to repeat the latest value,
    however old it is.
    """
    asked = np.unique(np.asarray(ahead, dtype=np.int64))
    distances = np.union1d(asked, asked + gap)
    if asked.max(initial=0) + 1 < per_day:
        distances = np.append(distances, round(per_day) - 1)
    return np.unique(distances)


def _pairs(first: int, last: int, ahead: Steps) -> tuple[Steps, Steps]:
    """All viewpoints, each with all distances, or with some of them drawn by lot."""
    viewpoints = np.arange(first, last + 1)
    if len(ahead) <= FEW_LEADS:
        distances = np.tile(ahead, len(viewpoints))
        viewpoints = np.repeat(viewpoints, len(ahead))
    else:
        viewpoints = np.repeat(viewpoints, LEADS_A_VIEWPOINT)
        distances = np.random.default_rng(0).choice(ahead, len(viewpoints))
    return viewpoints + distances, viewpoints


@dataclass(frozen=True)
class Anchors:
    """Some leads that figures are learnt at; between them they are blended."""

    leads: Floats

    @classmethod
    def of(cls, lead: Floats, most: int) -> Anchors:
        """All leads if they are few, else some of them, closer to each other near zero."""
        found, count = np.unique(lead, return_counts=True)
        common = found[count >= 0.02 * len(lead)] if len(found) > most else found
        if 0 < len(common) <= most and count.sum() and _share(lead, common) > 0.7:
            return cls(common)
        scale = np.log1p(np.maximum(found, 0))
        wanted = np.linspace(scale[0], scale[-1], most)
        return cls(found[np.unique(np.abs(scale[:, None] - wanted).argmin(axis=0))])

    def __len__(self) -> int:
        return len(self.leads)

    def shares(self, lead: Floats) -> Floats:
        """(m, anchors) how much each anchor counts at each lead; rows sum to 1."""
        leads = self.leads
        if len(leads) == 1:
            return np.ones((len(lead), 1))
        at = np.clip(np.searchsorted(leads, lead, side="right") - 1, 0, len(leads) - 2)
        share = np.clip((lead - leads[at]) / (leads[at + 1] - leads[at]), 0.0, 1.0)
        found = np.zeros((len(lead), len(leads)))
        rows = np.arange(len(lead))
        found[rows, at] = 1 - share
        found[rows, at + 1] = share
        return found

    def blend(self, figures: Floats, lead: Floats) -> Floats:
        """(anchors, k) figures to (m, k), by the shares of the anchors at each lead."""
        shares = self.shares(lead)
        found = np.zeros((len(lead), figures.shape[1]))
        for number in range(len(self)):  # each row by itself, unlike in a matrix product
            found += shares[:, number, None] * figures[number]
        return found


def _share(lead: Floats, among: Floats) -> float:
    return float(np.isin(lead, among).mean())
