"""Several forecasts of the same events, in the shares in which they were least wrong together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flexmeasures.forecasting.engine.sample import Anchors
from flexmeasures.forecasting.engine.series import Floats

ADDED = 16
"""How many picks a mixture is made of, besides the ones it starts with."""

LEAST = 30
DAYS = 20.0
"""A back-test of so many days counts as much as the mixture that there is from the start."""


@dataclass(frozen=True, eq=False)
class Shares:
    """By lead: how much each forecast counts.

    shares : (anchors, k) not negative, rows sum to 1
    """

    anchors: Anchors
    shares: Floats

    def mix(self, forecasts: Floats, lead: Floats) -> Floats:
        """(m, k) forecasts to (m,)."""
        mixed: Floats = (forecasts * self.anchors.blend(self.shares, lead)).sum(axis=1)
        return mixed


def choose_shares(
    forecasts: Floats,
    target: Floats,
    lead: Floats,
    weight: Floats,
    start: Floats,
    most: int,
    days: float = np.inf,
) -> Shares:
    """Shares by the absolute errors of forecasts of events that the models had not seen.

    Picks are added one by one, each the one that makes the mean of all picks least wrong. The picks
    that there are from the start keep the shares from following chance; and the fewer days there
    are to choose by, the nearer the shares stay to these.

    forecasts : (m, k)
    start : (k,) how many picks of each there are from the start
    days : how many days of events the forecasts are of
    """
    anchors = Anchors.of(lead, most)
    nearest = anchors.shares(lead).argmax(axis=1)
    rows = []
    for number in range(len(anchors)):
        near = nearest == number
        if near.sum() < LEAST:
            near = np.ones(len(lead), dtype=bool)
        rows.append(_pick(forecasts[near], target[near], weight[near], start))
    chosen, even = np.array(rows), start / start.sum()
    return Shares(anchors, chosen + (even - chosen) / (1 + days / DAYS))


def _pick(forecasts: Floats, target: Floats, weight: Floats, start: Floats) -> Floats:
    picks = start.astype(np.float64)
    total = forecasts @ picks
    for _ in range(ADDED):
        tried = (total[:, None] + forecasts) / (picks.sum() + 1)
        score = weight @ np.abs(tried - target[:, None])
        best = int(np.argmin(score))
        picks[best] += 1
        total = total + forecasts[:, best]
    return picks / picks.sum()
