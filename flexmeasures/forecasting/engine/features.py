"""What a forecast of an event may lean on, as seen from a viewpoint: one row of figures a pair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from flexmeasures.forecasting.engine.days import REST, SATURDAY, Days
from flexmeasures.forecasting.engine.series import Floats, Regressor, Series, Steps

RECENT = 7
"""How many of the latest values are looked at one by one."""

NOTHING = Regressor(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
HUGE = 1e30
DAYS_BACK = 7
WEEKS_BACK = 4


@dataclass(frozen=True)
class Bounds:
    """Values beyond these are faults of the meter, and treated as missing."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Floats, recent: int) -> Bounds:
        """Ten times the usual range, of all values or of the recent ones, whichever is wider.

        Spikes may be more than the few that the usual range leaves out; so values are faults as
        well if they are a thousand times as far as the range of nine in ten values.
        """
        values = np.where(np.abs(values) < HUGE, values, np.nan)
        low, high = np.inf, -np.inf
        for part in (values, values[-recent:]):
            part = part[np.isfinite(part)]
            if len(part):
                below, above = _usual_range(part)
                low, high = min(low, below), max(high, above)
        return cls(float(low), float(high))

    def clean(self, values: Floats) -> Floats:
        with np.errstate(invalid="ignore"):
            return np.where((values >= self.low) & (values <= self.high), values, np.nan)


def _usual_range(values: Floats) -> tuple[float, float]:
    lowest, bottom, middle, top, highest = np.quantile(values, [0.005, 0.05, 0.5, 0.95, 0.995])
    reach = 10 * (highest - lowest) if highest > lowest else np.inf
    if top > bottom:
        reach = min(reach, 1000 * (top - bottom))
    return max(middle - reach, values.min()), min(middle + reach, values.max())


class Past:
    """A series with the causal figures that features are looked up in.

    Figures of step t use steps up to t only, so whoever knows the events before k may look at
    the figures before k.
    """

    def __init__(
        self, series: Series, bounds: Bounds, transform: Callable[[Floats], Floats] | None = None
    ) -> None:
        self.series = series
        self.per_day = series.steps_per_day
        self.days = Days(series)
        self.values = bounds.clean(series.values)
        if transform is not None:
            self.values = transform(self.values)
        exists = np.isfinite(self.values)
        self.last = np.concatenate(
            [[-1], np.maximum.accumulate(np.where(exists, np.arange(len(series)), -1))]
        )
        self.table = self.days.table(self.values)
        self.profiles: dict[str, Floats] = {}
        self.profiles["daily"] = self.days.usual(self.table, 0.85)
        self.profiles["slow"] = self.days.usual(self.table, 0.96)
        self.profiles["kind"] = self.days.usual(self.table, 0.8, every=None)
        self.profiles["week"] = self.days.usual(self.table, 0.75, every=7)
        every = np.arange(len(series))
        self.expected = {
            name: self.days.look_up(self.profiles[name], self._start(name, every, every), every)
            for name in self.profiles
        }
        self._sums: dict[str, tuple[Floats, Floats]] = {}

    def known(self, events: Steps, viewpoints: Steps) -> Steps:
        """How many events, up to the last one with a value, each viewpoint knows.

        Behind a gap we forecast as seen from its start. An event that is known already is forecast
        as if it were the next one.
        """
        known = np.minimum(self.series.known_before(viewpoints), events)
        return self.last[np.clip(known, 0, len(self.last) - 1)] + 1

    def usual(self, name: str, events: Steps, known: Steps) -> Floats:
        """What is usual at the events by a profile, as known."""
        return self.days.look_up(self.profiles[name], self._start(name, events, known), events)

    def _start(self, name: str, events: Steps, known: Steps) -> Steps:
        if name == "week":
            return self.days.latest_known(events, known, every=7)
        start = self.days.latest_known(events, known)
        return self.days.latest_alike(events, start) if name == "kind" else start

    def mean(self, name: str, known: Steps, steps: int) -> Floats:
        """The mean over the latest steps of the values, or of a profile where values exist."""
        if name not in self._sums:
            figures = self.values if name == "values" else self.expected[name]
            both = np.isfinite(self.values) & np.isfinite(figures)
            self._sums[name] = (
                np.concatenate([[0.0], np.cumsum(np.where(both, figures, 0.0))]),
                np.concatenate([[0.0], np.cumsum(both)]),
            )
        total, count = self._sums[name]
        from_ = np.maximum(known - steps, 0)
        counted = count[known] - count[from_]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(counted > 0, (total[known] - total[from_]) / counted, np.nan)


def windows(per_day: float) -> list[int]:
    """Lengths of the windows of recent means, in steps: 1, 3, 6, 24 hours, 3 days and a week."""
    lengths = [round(per_day * days) for days in (1 / 24, 1 / 8, 1 / 4, 1, 3, 7)]
    return sorted({length for length in lengths if length >= 2})


def build(
    past: Past,
    events: Steps,
    viewpoints: Steps,
    known: Steps,
    regressors: tuple[str, ...] | None = None,
) -> dict[str, Floats]:
    """The features of each pair of event and viewpoint, by name; nan where not known.

    Whatever depends on measurements uses those known at the viewpoint only, and regressors as
    they were believed then.

    known : how many events each viewpoint knows (see `Past.known`)
    regressors : which ones, nan if the series has them no more; all by default
    """
    found: dict[str, Floats] = {}
    found["lead"] = (events - known).astype(np.float64)
    found.update(_calendar(past, events))
    found.update(_latest(past, known))
    found.update(_same_slot(past, events, known))
    found.update(_levels(past, events, known))
    names = tuple(past.series.regressors) if regressors is None else regressors
    for name in names:
        found.update(_regressor(past, name, events, viewpoints, known))
    return found


def _calendar(past: Past, events: Steps) -> dict[str, Floats]:
    calendar = past.series.calendar
    kind = past.days.kind
    day = past.days.day[events]
    return {
        "minute": calendar.minute[events].astype(np.float64),
        "weekday": calendar.weekday[events].astype(np.float64),
        "yearday": calendar.yearday[events].astype(np.float64),
        "holiday": calendar.holiday[events],
        "saturday": (kind[day] == SATURDAY).astype(np.float64),
        "rest": (kind[day] == REST).astype(np.float64),
        "rest_before": (kind[np.maximum(day - 1, 0)] == REST).astype(np.float64),
        "rest_after": (kind[np.minimum(day + 1, past.days.days - 1)] == REST).astype(np.float64),
    }


def _latest(past: Past, known: Steps) -> dict[str, Floats]:
    last = known - 1
    exists = last >= 0
    found = {}
    for lag in range(RECENT):
        at = last - lag
        found[f"latest_{lag}"] = np.where(at >= 0, past.values[np.maximum(at, 0)], np.nan)
    for name, expected in past.expected.items():
        usual = np.where(exists, expected[np.maximum(last, 0)], np.nan)
        found[f"anomaly_{name}"] = found["latest_0"] - usual
    return found


def _same_slot(past: Past, events: Steps, known: Steps) -> dict[str, Floats]:
    days = past.days
    found = {}
    start = days.latest_known(events, known)
    for back in range(DAYS_BACK):
        found[f"day_{back}"] = days.look_up(past.table, start - back, events)
    start = days.latest_known(events, known, every=7)
    for back in range(WEEKS_BACK):
        found[f"week_{back}"] = days.look_up(past.table, start - 7 * back, events)
    found["alike"] = days.look_up(
        past.table, days.latest_alike(events, days.latest_known(events, known)), events
    )
    return found


def _levels(past: Past, events: Steps, known: Steps) -> dict[str, Floats]:
    found = {}
    for steps in windows(past.per_day):
        found[f"mean_{steps}"] = past.mean("values", known, steps)
        for name in ("daily", "kind"):
            found[f"shift_{name}_{steps}"] = found[f"mean_{steps}"] - past.mean(name, known, steps)
    for name in past.profiles:
        found[f"usual_{name}"] = past.usual(name, events, known)
    for steps in windows(past.per_day)[-4:]:
        usual = past.mean("daily", known, steps)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.clip(found[f"mean_{steps}"] / usual, 0.0, 4.0)
        found[f"scaled_{steps}"] = found["usual_daily"] * ratio
    return found


def _regressor(
    past: Past, name: str, events: Steps, viewpoints: Steps, known: Steps
) -> dict[str, Floats]:
    """What is believed of another quantity: around the event, at the latest value, a day before.

    Where forecasts of it end less than a day before the event, the last one stands in; "beyond"
    tells how many days before, and "fading" lets a line trust it the less.

    Where it is not negative, "scaled" is what the quantity would be if it kept to the ratio that
    the two had in the last hour, or day: output in shares of a clear sky, say.
    """
    regressor = past.series.regressors.get(name, NOTHING)
    days = past.days
    latest = np.maximum(known - 1, 0)
    day_before = days.latest_known(events, known)
    same_slot = days.step[np.maximum(day_before, 0), days.slot[events]]

    def believed(steps: Steps) -> Floats:
        found = regressor.as_known(steps, viewpoints)
        return np.where(np.abs(found) < HUGE, found, np.nan)

    end = regressor.furthest(viewpoints)
    last = np.where((end > latest) & (end >= events - past.per_day), end, len(past.values) + 1)
    beyond = np.maximum(events - last, 0) / past.per_day
    event = believed(np.minimum(events, last))
    found = {
        f"{name}@event": event,
        f"{name}@before": believed(np.minimum(events - 1, last)),
        f"{name}@after": believed(np.minimum(events + 1, last)),
        f"{name}@beyond": beyond,
        f"{name}@fading": event * beyond,
        f"{name}@latest": believed(latest),
        f"{name}@day": np.where(day_before >= 0, believed(same_slot), np.nan),
    }
    for label, length, most in (("hour", past.per_day / 24, 4), ("day", past.per_day, 12)):
        steps = np.unique(np.linspace(0, max(round(length) - 1, 0), most).astype(np.int64))
        value, other = _means(past, believed, known, steps)
        with np.errstate(invalid="ignore", divide="ignore"):
            scaled = np.where(other > 0.1 * np.maximum(event, 0.0), value / other * event, np.nan)
        found[f"{name}@scaled_{label}"] = scaled
    return found


def _means(
    past: Past, believed: Callable[[Steps], Floats], known: Steps, back: Steps
) -> tuple[Floats, Floats]:
    """Of the values and of a regressor, so many steps back, where both are known."""
    value, other, count = np.zeros((3, len(known)))
    for steps in back:
        at = known - 1 - steps
        by = believed(np.maximum(at, 0))
        measured = np.where(at >= 0, past.values[np.maximum(at, 0)], np.nan)
        both = np.isfinite(by) & np.isfinite(measured) & (by >= 0)
        value += np.where(both, measured, 0.0)
        other += np.where(both, by, 0.0)
        count += both
    with np.errstate(invalid="ignore"):
        return value / np.maximum(count, 1), other / np.maximum(count, 1)
