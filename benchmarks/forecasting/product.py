"""The same forecasts made by the product: from stored beliefs to stored beliefs.

A throw-away database gets a sensor for the series and one for each regressor, with beliefs that are
as old as the regressors were known early. The forecasts are judged as they are stored.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.forecasting.datasets import Dataset
from benchmarks.forecasting.rolling import Answers, Questions
from flexmeasures.forecasting.engine.series import Floats, Regressor, Steps

if TYPE_CHECKING:
    from flexmeasures.data.models.data_sources import DataSource
    from flexmeasures.data.models.generic_assets import GenericAsset
    from flexmeasures.data.models.time_series import Sensor

HOUR = timedelta(hours=1)
MICROSECOND = np.timedelta64(1, "us")
LONG_BEFORE = 5 * 365 * 24 * HOUR  # what is always known was known such a time before


@contextmanager
def throwaway_product() -> Iterator[None]:
    """An app in its context, with an empty database of its own."""
    from flexmeasures.app import create
    from flexmeasures.bootstrap.local import throwaway_database_server
    from flexmeasures.data.config import db

    with throwaway_database_server() as uri:
        os.environ["SQLALCHEMY_TEST_DATABASE_URI"] = uri
        with create(env="testing").app_context():
            db.create_all()
            yield
            db.session.remove()
            db.engine.dispose()
        del os.environ["SQLALCHEMY_TEST_DATABASE_URI"]


def answer_by_product(
    dataset: Dataset,
    regressors: dict[str, Regressor],
    term: str,
    questions: Questions,
    horizons: dict[int, int],
    band: tuple[float, float],
) -> Answers:
    """Store the series, let the product forecast all that is asked, and read what it stored.

    horizons : hours before the event's end, and the same in steps
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.services.forecasting import forecast

    sensor, others = store(dataset, regressors)
    db.session.commit()
    first, last = int(questions.events.min()), int(questions.events.max())
    begin = pd.Timestamp.now()
    outcome = forecast(
        sensor,
        dataset.starts[first].to_pydatetime(),
        (dataset.starts[last] + dataset.step).to_pydatetime(),
        horizons=[hours * HOUR for hours in horizons],
        model_search_term=term,
        regressors=others,
        quantiles=band,
    )
    db.session.commit()
    answers = stored(sensor, dataset, questions, horizons, band)
    answers.predict_seconds.append((pd.Timestamp.now() - begin).total_seconds())
    answers.notes.update(dict.fromkeys(outcome.notes, 1))
    answers.notes.update({f"made by {rung}": count for rung, count in outcome.rungs().items()})
    return answers


def store(dataset: Dataset, regressors: dict[str, Regressor]) -> tuple[Sensor, list[Sensor]]:
    """A sensor with measurements, and one for each regressor, all of one asset and one source."""
    from flexmeasures.data.config import db
    from flexmeasures.data.models.data_sources import DataSource
    from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType

    name = f"{dataset.name} {pd.Timestamp.now().isoformat()}"  # each time a new one
    asset = GenericAsset(name=name, generic_asset_type=GenericAssetType(name=name))
    source = DataSource(name, type="script")
    db.session.add_all([asset, source])
    sensor = _sensor(dataset, asset, "value")
    events = np.flatnonzero(~np.isnan(dataset.series.values))
    _believe(dataset, sensor, source, events, events + 1, dataset.series.values[events])
    others = []
    for name, by in regressors.items():
        others.append(_sensor(dataset, asset, name))
        _believe(dataset, others[-1], source, by.event, by.known, by.value)
    return sensor, others


def _sensor(dataset: Dataset, asset: GenericAsset, name: str) -> Sensor:
    from flexmeasures.data.config import db
    from flexmeasures.data.models.time_series import Sensor

    sensor = Sensor(
        name,
        asset,
        unit="kW",
        event_resolution=dataset.step.to_pytimedelta(),
        timezone=dataset.zone,
    )
    db.session.add(sensor)
    db.session.flush()
    return sensor


def _believe(
    dataset: Dataset,
    sensor: Sensor,
    source: DataSource,
    events: Steps,
    known: Steps,
    values: Floats,
) -> None:
    """What is known at step 0 already was known long before."""
    from flexmeasures.data.beliefs.rows import Rows
    from flexmeasures.data.beliefs.save import save_rows

    ones = np.ones(len(events), np.int64)
    step = dataset.step // pd.Timedelta(MICROSECOND)
    horizon = (events + 1 - known) * step
    horizon[known <= 0] = LONG_BEFORE // timedelta(microseconds=1)
    rows = Rows(
        sensor.id * ones,
        _microseconds(dataset.starts)[events],
        source.id * ones,
        horizon,
        np.full(len(events), 0.5),
        values,
    )
    save_rows(rows, unchanged="store")


def stored(
    sensor: Sensor,
    dataset: Dataset,
    questions: Questions,
    horizons: dict[int, int],
    band: tuple[float, float],
) -> Answers:
    """What forecasters believed about each event at each horizon, the latest that is old enough.

    A forecast that is the same as an older one is not stored again.
    """
    from sqlalchemy import select

    from flexmeasures.data.config import db
    from flexmeasures.data.models.time_series import TimedBelief

    belief = TimedBelief.__table__.c
    columns = (
        belief.event_start,
        belief.belief_horizon,
        belief.cumulative_probability,
        belief.event_value,
    )
    statement = select(*columns).where(
        belief.sensor_id == sensor.id, belief.belief_horizon > timedelta(0)
    )
    table = pd.DataFrame(
        db.session.execute(statement).all(), columns=["start", "horizon", "probability", "value"]
    )
    starts = pd.DatetimeIndex(pd.to_datetime(table["start"], utc=True))
    table["event"] = dataset.starts.get_indexer(starts)
    table["probability"] = table["probability"].round(9)
    table = table.sort_values("horizon")
    found = {name: np.full(len(questions.events), np.nan) for name in (0.5, *band)}
    for hours, steps in horizons.items():
        places = np.flatnonzero(questions.events + 1 - questions.viewpoints == steps)
        old = table[table["horizon"] >= hours * HOUR]
        latest = old[old["horizon"] == old.groupby("event")["horizon"].transform("min")]
        by_event = latest.pivot_table(index="event", columns="probability", values="value")
        for probability in found:
            if probability in by_event:
                values = by_event[probability].reindex(questions.events[places])
                found[probability][places] = values.to_numpy()
    return Answers(found[0.5], found[band[0]], found[band[1]])


def _microseconds(times: pd.DatetimeIndex) -> Steps:
    return times.as_unit("us").asi8
