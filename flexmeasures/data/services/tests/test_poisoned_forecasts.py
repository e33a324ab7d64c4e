"""Whatever is stored about the time after a viewpoint, the forecasts from it are stored alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import select, text
from timely_beliefs.sensors.func_store.knowledge_horizons import x_days_ago_at_y_oclock

from flexmeasures.data.beliefs import wire
from flexmeasures.data.beliefs.knowledge import Timing
from flexmeasures.data.beliefs.rows import Rows, microseconds
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.data.services.forecasting import forecast
from flexmeasures.forecasting.tests.worlds import DAY, HOUR, START, World, make_world

Nonsense = Callable[[int], np.ndarray]
NONSENSE: dict[str, Nonsense] = {
    "huge": lambda count: 1e9 * np.random.default_rng(1).normal(size=count),
    "infinite": lambda count: np.full(count, np.inf),
    "zeros": lambda count: np.zeros(count),
}
RUNGS = ("auto", "linear-OLS", "seasonal-naive", "naive", "average")
DAYS = 70
VIEWPOINT = START + 65 * DAY + 7 * HOUR  # a Wednesday

PRICES: dict[str, Any] = {
    "unit": "EUR/MWh",
    "knowledge_horizon": (x_days_ago_at_y_oclock, {"x": 1, "y": 12, "z": "Europe/Amsterdam"}),
}
SENSORS: dict[str, dict[str, Any]] = {
    "power": {"resolution": HOUR},
    "half hours": {"resolution": HOUR / 2},
    "day-ahead prices": {"resolution": HOUR, **PRICES},
    "readings of moments": {"resolution": timedelta(0), "unit": "°C"},
}


class Site:
    """A sensor with a history, and temperatures as they were forecast and measured."""

    def __init__(self, resolution: timedelta, **options: Any) -> None:
        self.world: World = make_world(resolution, **options)
        self.sensor = self.world.sensor
        self.weather = self.world.add("temperature", unit="°C")
        self.step = resolution or HOUR
        random = np.random.default_rng(0)
        hours = np.arange(DAYS * DAY // self.step) * (self.step / HOUR)
        temperature = 10 + 5 * np.sin(hours / 50) + random.normal(size=len(hours))
        values = 20 + 4 * np.sin(hours / 24 * 2 * np.pi) - temperature + (hours // 24 % 7 < 5)
        values[50:60] = np.nan
        self.world.measure(values, step=self.step)
        hourly = temperature[:: HOUR // self.step]
        for horizon in (30 * HOUR, 5 * HOUR):
            error = random.normal(size=len(hourly))
            self.world.measure(hourly + error, sensor=self.weather, horizon=horizon)
        self.world.measure(hourly, sensor=self.weather)

    def poison(self, nonsense: Nonsense, offset: timedelta = timedelta(0)) -> None:
        """What becomes known after the viewpoint: measurements and forecasts.

        offset : of moments to read, from those of before
        """
        self._measure_anew(self.sensor, self.step, nonsense, offset)
        hours = self._measure_anew(self.weather, HOUR, nonsense, timedelta(0))
        known = Timing.of(self.weather).knowledge_times(hours)
        horizons = known - microseconds(VIEWPOINT + timedelta(minutes=1))
        self.world.believe(self.weather, hours, nonsense(len(hours)), horizons)

    def _measure_anew(
        self, sensor: Sensor, step: timedelta, nonsense: Nonsense, offset: timedelta
    ) -> np.ndarray:
        """Events that become known after the viewpoint. The measurement recorded last counts."""
        starts = microseconds(START + offset) + np.arange(DAYS * DAY // step) * microseconds(step)
        known = Timing.of(sensor).knowledge_times(starts)
        starts = starts[known > microseconds(VIEWPOINT)]
        horizons = np.full(len(starts), microseconds(-HOUR))
        self.world.believe(sensor, starts, nonsense(len(starts)), horizons)
        return starts

    def stored(self, seen_until: datetime | None = None) -> Rows:
        """Forecasts in order, with no more belief times than that."""
        belief = TimedBelief.__table__.c
        ours = select(DataSource.id).where(DataSource.name.like("Seita%"))
        columns = (belief[name] for name in Rows.__annotations__)
        statement = select(*columns).where(belief.source_id.in_(ours)).order_by(*belief)
        rows = wire.read(self.connection, statement)
        if seen_until is None:
            return rows
        known = Timing.of(self.sensor).knowledge_times(rows.event_start)
        return rows.take(known - rows.belief_horizon <= microseconds(seen_until))

    @property
    def connection(self) -> Any:
        from flexmeasures.data.config import db

        return db.session.connection()

    def forget_forecasts(self) -> None:
        self.connection.execute(
            text(
                "DELETE FROM timed_belief b USING data_source s"
                " WHERE s.id = b.source_id AND s.name LIKE 'Seita%'"
            )
        )

    def forecast(self, term: str) -> None:
        """From the viewpoint, and from viewpoints around it."""
        options: dict[str, Any] = {
            "model_search_term": term,
            "regressors": [self.weather],
            "quantiles": (0.05, 0.95),
        }
        forecast(self.sensor, VIEWPOINT, VIEWPOINT + DAY, belief_time=VIEWPOINT, **options)
        window = VIEWPOINT - 6 * HOUR, VIEWPOINT + DAY + 6 * HOUR
        forecast(self.sensor, *window, horizons=[HOUR, 24 * HOUR], **options)


CASES = [
    *((term, name, "huge") for term in RUNGS[1:] for name in SENSORS),
    *((term, "power", nonsense) for term in RUNGS[1:3] for nonsense in ("infinite", "zeros")),
    # which takes longer, and is tried with all kinds of nonsense where nothing is stored
    *(("auto", name, "huge") for name in ("power", "readings of moments")),
    ("auto", "day-ahead prices", "zeros"),
]


@pytest.mark.parametrize(("term", "name", "nonsense"), CASES)
def test_poisoned_future(fresh_db: SQLAlchemy, term: str, name: str, nonsense: str) -> None:
    site = Site(**SENSORS[name])
    site.forecast(term)
    clean, all_clean = site.stored(VIEWPOINT), site.stored()
    assert len(clean) > 70
    site.forget_forecasts()
    # Moments may be read at other times than before.
    offset = timedelta(minutes=0 if site.sensor.event_resolution else 7)
    site.poison(NONSENSE[nonsense], offset)
    site.forecast(term)
    assert site.stored(VIEWPOINT).equal(clean)
    if (name, nonsense) == ("power", "huge") and term != "average":
        assert not site.stored().equal(all_clean)  # what was seen from later viewpoints


def test_poisoned_clock(fresh_db: SQLAlchemy) -> None:
    """Moments that are read far more often later on do not change how they were counted before."""
    site = Site(**SENSORS["readings of moments"])
    site.forecast("naive")
    clean = site.stored(VIEWPOINT)
    site.forget_forecasts()
    site.step = timedelta(minutes=1)
    site.poison(NONSENSE["huge"], timedelta(seconds=11))
    site.forecast("naive")
    assert site.stored(VIEWPOINT).equal(clean)
