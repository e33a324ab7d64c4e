"""When rules of sensors were broken: arrays in, periods out; neither database nor clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from flexmeasures.data.beliefs.rows import EPOCH, Floats, Integers, microseconds
from flexmeasures.data.schemas.alert_rules import AlertRule

LOOK_BACK = timedelta(days=366)  # older data are not looked for
FEWEST_VALUES = 20  # with which outliers are looked for
_MAD_TO_SIGMA = 0.6745  # a normal distribution's median absolute deviation, in standard deviations
_MEAN_TO_SIGMA = 1.253314  # standard deviations in a normal distribution's mean absolute deviation


@dataclass(frozen=True)
class Period:
    """In which a rule was broken. What is open has not been found to be over.

    end : up to where data are known to break the rule; never before the start
    """

    start: datetime
    end: datetime
    is_open: bool
    content: str


def robust_z_scores(values: Floats) -> Floats:
    """How far values are from their median, in terms of what is usual; 0 for too few of them.

    The modified z-score of Iglewicz and Hoaglin, "How to detect and handle outliers" (American
    Society for Quality Control, 1993), with |x - median| in units of the median absolute deviation
    (MAD): 0.6745 (x - median) / MAD. They suggest 3.5 as the limit. If more than half of the values
    are the same, so that the MAD is 0, the mean absolute deviation takes its place:
    (x - median) / (1.253314 mean |x - median|). Constant values are no outliers.
    """
    if len(values) < FEWEST_VALUES:
        return np.zeros(len(values))
    deviations = values - np.median(values)
    mad, mean = np.median(np.abs(deviations)), np.mean(np.abs(deviations))
    if mad > 0:
        return _MAD_TO_SIGMA * deviations / mad
    return deviations / (_MEAN_TO_SIGMA * mean) if mean > 0 else np.zeros(len(values))


def broken_limits(
    rule: AlertRule, starts: Integers, values: Floats, resolution: timedelta, unit: str
) -> Iterator[Period]:
    """Of a rule of kind above or below: where values broke it for long enough.

    starts : of events, in microseconds since the Unix epoch, sorted
    Only events count, not holes between them; but the value of an instant holds until the next.
    """
    breaks = values > rule.limit if rule.kind == "above" else values < rule.limit
    length = microseconds(resolution)
    lasting = np.full(len(starts), length) if length else np.diff(starts, append=starts[-1:])
    for first, last in _runs(breaks):
        if lasting[first : last + 1].sum() < microseconds(rule.duration):
            continue
        part = values[first : last + 1]
        extreme = part.max() if rule.kind == "above" else part.min()
        end = starts[last] + lasting[last]
        yield _period(
            starts[first],
            end,
            is_open=last == len(values) - 1,
            content=f"{rule.name}: {extreme:g} {unit} is {rule.kind} {rule.limit:g} {unit}",
        )


def outliers(
    rule: AlertRule,
    starts: Integers,
    values: Floats,
    resolution: timedelta,
    unit: str,
    judged_since: datetime,
) -> Iterator[Period]:
    """Of events that start then or later, those that are outliers among all of these."""
    scores = robust_z_scores(values)
    breaks = (np.abs(scores) > rule.limit) & (starts >= microseconds(judged_since))
    for first, last in _runs(breaks):
        worst = first + int(np.argmax(np.abs(scores[first : last + 1])))
        yield _period(
            starts[first],
            starts[last] + microseconds(resolution),
            is_open=last == len(values) - 1,
            content=f"{rule.name}: {values[worst]:g} {unit} is an outlier"
            f" (robust z-score {scores[worst]:.1f})",
        )


def gap(rule: AlertRule, last_end: datetime | None, now: datetime) -> Iterator[Period]:
    """Of a rule of kind gap: the period without new data, if it is too long by now.

    last_end : where the last event ends that was measured; None if there is none
    """
    if last_end is None:
        text = f"{rule.name}: no data in the last {LOOK_BACK.days} days"
        yield Period(now - LOOK_BACK, now, True, text)
    elif now - last_end > rule.duration:
        text = f"{rule.name}: no new data for longer than {rule.duration}"
        yield Period(last_end, now, True, text)


def _runs(breaks: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """First and last position of each stretch of True."""
    edges = np.flatnonzero(np.diff(np.r_[False, breaks, False].astype(int)))
    for first, after in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        yield first, after - 1


def _period(start: int, end: int, *, is_open: bool, content: str) -> Period:
    return Period(_moment(start), _moment(end), is_open, content)


def _moment(count: int) -> datetime:
    return EPOCH + timedelta(microseconds=int(count))
