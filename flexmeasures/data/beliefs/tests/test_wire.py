from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from flask_sqlalchemy import SQLAlchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from flexmeasures.data.beliefs import wire
from flexmeasures.data.beliefs.query import Filters, select_rows
from flexmeasures.data.beliefs.rows import Rows, microseconds
from flexmeasures.data.beliefs.search import search
from flexmeasures.data.beliefs.tests.conftest import MakeSensor
from flexmeasures.data.beliefs.tests.utils import HOUR, START, measurements
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor, TimedBelief

UTC = timezone.utc


@given(
    st.lists(
        st.tuples(
            st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
            st.timedeltas(timedelta(days=-99_999), timedelta(days=99_999)),
            st.floats(0, 1),
            st.floats(allow_nan=False),
        ),
        max_size=20,
        unique_by=lambda row: row[:3],
    ),
    st.integers(1, 5),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_rows_come_back_as_they_were(
    make_sensor: MakeSensor, source: DataSource, session: Any, made: list[Any], chunk: int
) -> None:
    sensor = make_sensor()
    rows = Rows(
        np.full(len(made), sensor.id),
        np.array([microseconds(start) for start, *_ in made], np.int64),
        np.full(len(made), source.id),
        np.array([microseconds(horizon) for _, horizon, *_ in made], np.int64),
        np.array([probability for *_, probability, _ in made], np.float64),
        np.array([value for *_, value in made], np.float64),
    )
    connection = session.connection()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "CHUNK", chunk)
        wire.write(connection, rows)
    result = wire.read(connection, select_rows([sensor], Filters()))

    def as_set(some: Rows) -> set[Any]:
        columns = [getattr(some, name).tolist() for name in wire.COLUMNS]
        return set(zip(*columns, strict=True))

    assert as_set(result) == as_set(rows)
    assert len(result) == len(rows)


@pytest.mark.parametrize(
    ("interval", "horizon"),
    [
        ("1 mon -2 days 03:00", timedelta(days=28, hours=3)),
        ("1 day", timedelta(days=1)),
        ("-36:00", timedelta(hours=-36)),
    ],
)
def test_horizons_that_others_stored(
    sensor: Sensor, source: DataSource, session: Any, interval: str, horizon: timedelta
) -> None:
    """In days and months, as PostgreSQL compares them."""
    session.execute(
        text(
            "INSERT INTO timed_belief (event_start, belief_horizon, cumulative_probability,"
            " event_value, sensor_id, source_id)"
            f" VALUES (:start, '{interval}', 0.5, 1, :sensor, :source)"
        ),
        {"start": START, "sensor": sensor.id, "source": source.id},
    )
    [beliefs] = search([sensor], horizons_at_least=horizon, horizons_at_most=horizon).values()
    assert beliefs.belief_horizons.tolist() == [horizon]


def test_pending_beliefs_are_found(sensor: Sensor, source: DataSource, session: Any) -> None:
    """Those that were added to the session by hand."""
    belief = TimedBelief(sensor, source, event_value=3, event_start=START, belief_horizon=30 * HOUR)
    session.add(belief)
    [beliefs] = search([sensor]).values()
    assert beliefs["event_value"].tolist() == [3]
    assert beliefs.belief_horizons.tolist() == [30 * HOUR]


def test_errors_are_those_of_sqlalchemy(sensor: Sensor, source: DataSource, session: Any) -> None:
    rows = measurements(sensor, source, 3)
    wire.write(session.connection(), rows)
    with pytest.raises(IntegrityError, match="timed_belief_pkey") as error:
        wire.write(session.connection(), rows)
    assert error.value.orig.diag.constraint_name == "timed_belief_pkey"  # type: ignore[union-attr]


def test_a_lost_connection_is_replaced(db: SQLAlchemy, sensor: Sensor) -> None:
    query = select_rows([sensor], Filters())
    connection = db.session.connection()
    server = db.session.scalar(select(text("pg_backend_pid()")))
    with db.engine.connect() as other:
        other.execute(text("SELECT pg_terminate_backend(:server, 5000)"), {"server": server})
    with pytest.raises(OperationalError) as error:
        wire.read(connection, query)
    assert error.value.connection_invalidated
    db.session.rollback()
    assert len(wire.read(db.session.connection(), query)) == 0
