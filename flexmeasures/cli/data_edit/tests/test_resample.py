"""`flexmeasures edit resample-data`"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import select

from flexmeasures.cli.conftest import Invoke
from flexmeasures.cli.data_edit import resample_sensor_data
from flexmeasures.data.beliefs.save import save
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.data.services.sensors import create_sensor
from flexmeasures.data.services.toy_account import ToyAccount
from flexmeasures.utils.timely import tb

HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)
START = datetime(2026, 11, 25, tzinfo=timezone.utc)
QUIET = "--skip-integrity-check"


@pytest.fixture
def source(toy: ToyAccount, fresh_db: SQLAlchemy) -> DataSource:
    return fresh_db.session.get_one(DataSource, 1)


def store(
    sensor: Sensor,
    source: DataSource,
    values: list[float],
    horizon: timedelta = timedelta(0),
    **kwargs: Any,
) -> None:
    """Values of consecutive events (readings: of every quarter of an hour)."""
    step = sensor.event_resolution or QUARTER
    beliefs = [
        tb.TimedBelief(
            sensor,
            source,
            event_start=START + number * step,
            belief_horizon=horizon,
            event_value=value,
            **kwargs,
        )
        for number, value in enumerate(values)
    ]
    save(tb.BeliefsDataFrame(beliefs), unchanged="store")


def stored(db: SQLAlchemy, sensor_id: int) -> list[tuple[float, float, float]]:
    """Event start and belief horizon in hours, and value."""
    db.session.rollback()
    query = select(TimedBelief).filter_by(sensor_id=sensor_id)
    rows = db.session.scalars(
        query.order_by(
            TimedBelief.event_start, TimedBelief.belief_horizon.desc(), TimedBelief.event_value
        )
    )
    return [
        ((row.event_start - START) / HOUR, row.belief_horizon / HOUR, row.event_value)
        for row in rows
    ]


def resolution(db: SQLAlchemy, sensor_id: int) -> timedelta:
    db.session.rollback()
    return db.session.get_one(Sensor, sensor_id).event_resolution


def test_longer_events(
    toy: ToyAccount, fresh_db: SQLAlchemy, source: DataSource, invoke: Invoke
) -> None:
    store(toy.battery, source, [1, 2, 3, 6, 5, 5, 5, 5])
    store(toy.battery, source, [2, 3, 4, 7], horizon=-timedelta(hours=24))
    store(toy.solar, source, [1, 1])
    fresh_db.session.commit()
    words = ("--sensor-id", "1", "--event-resolution", "60")
    done = invoke(resample_sensor_data, *words, input="y\n")
    assert done.stdout == "Successfully resampled sensor data.\n"
    assert "Downsampling discharging to 1:00:00 will result in a loss of data. Data before:" in (
        done.stderr
    )
    for line in ("Data after:", "Mean before: 4.0", "Mean after: ", "Continue? [y/N]"):
        assert line in done.stderr
    assert "12 beliefs of sensor 1 become 6." in done.stderr
    assert resolution(fresh_db, 1) == HOUR
    # What was measured first, and as it was corrected, quarter by quarter.
    assert stored(fresh_db, 1) == [
        (0, 0, 3),
        (0, -23.25, 3.25),
        (0, -23.5, 3.5),
        (0, -23.75, 3.75),
        (0, -24, 4),
        (1, 0, 5),
    ]
    assert resolution(fresh_db, 3) == QUARTER
    assert len(stored(fresh_db, 3)) == 2


def test_shorter_events(
    toy: ToyAccount, fresh_db: SQLAlchemy, source: DataSource, invoke: Invoke
) -> None:
    store(toy.prices, source, [10, 20])
    fresh_db.session.commit()
    words = ("--sensor-id", "2", "--event-resolution", "30")
    done = invoke(resample_sensor_data, *words, input="y\n")
    assert "Downsampling" not in done.stderr
    assert stored(fresh_db, 2) == [(0, 0, 10), (0.5, 0, 10), (1, 0, 20), (1.5, 0, 20)]
    assert resolution(fresh_db, 2) == HOUR / 2


def test_probabilistic_beliefs(
    toy: ToyAccount, fresh_db: SQLAlchemy, source: DataSource, invoke: Invoke
) -> None:
    store(toy.battery, source, [1, 3, 1, 3], timedelta(0), cumulative_probability=0.1)
    store(toy.battery, source, [5, 7, 5, 7], timedelta(0), cumulative_probability=0.9)
    fresh_db.session.commit()
    invoke(resample_sensor_data, "--sensor-id", "1", "--event-resolution", "60", QUIET)
    assert stored(fresh_db, 1) == [(0, 0, 2), (0, 0, 6)]


def test_readings(
    toy: ToyAccount, fresh_db: SQLAlchemy, source: DataSource, invoke: Invoke
) -> None:
    sensor = create_sensor(
        toy.battery.generic_asset,
        name="temperature",
        unit="°C",
        timezone="UTC",
        event_resolution=timedelta(0),
    )
    store(sensor, source, [1, 2, 3, 6, 7])
    fresh_db.session.commit()
    sensor_id = str(sensor.id)
    invoke(
        resample_sensor_data,
        *("--sensor-id", sensor_id, "--event-resolution", "60", QUIET),
        *("--until", "2026-11-25T01:00Z"),
    )
    assert stored(fresh_db, sensor.id) == [(0, 0, 3), (1, 0, 7)]


def test_measurements_stay_measurements(
    toy: ToyAccount, fresh_db: SQLAlchemy, source: DataSource, invoke: Invoke
) -> None:
    """Of the same source there are forecasts, too; and a gap in what was measured."""
    store(toy.battery, source, [9] * 8, horizon=timedelta(hours=6))
    store(toy.battery, source, [1, 2, 3, 6, 4, 6])
    fresh_db.session.commit()
    invoke(resample_sensor_data, "--sensor-id", "1", "--event-resolution", "60", QUIET)
    assert stored(fresh_db, 1) == [(0, 6, 9), (0, 0, 3), (1, 6, 9), (1, 0, 5)]


def test_window(toy: ToyAccount, fresh_db: SQLAlchemy, source: DataSource, invoke: Invoke) -> None:
    """It is widened to whole new events; without an offset it is on the clock of the sensor."""
    store(toy.battery, source, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3])
    fresh_db.session.commit()
    words = ("--sensor-id", "1", "--event-resolution", "60")
    window = ("--from", "2026-11-25T02:10", "--until", "2026-11-25T01:20Z")
    declined = invoke(resample_sensor_data, *words, *window, exit_code=1)
    assert "8 beliefs of discharging are outside of the window: they stay" in declined.stderr
    assert "4 beliefs of sensor 1 become 1." in declined.stderr
    done = invoke(resample_sensor_data, *words, *window, QUIET)
    assert "8 beliefs of discharging are outside of the window: they stay" in done.stderr
    assert [row for row in stored(fresh_db, 1) if 1 <= row[0] < 2] == [(1, 0, 2)]
    assert len(stored(fresh_db, 1)) == 9


def test_declined(
    toy: ToyAccount, fresh_db: SQLAlchemy, source: DataSource, invoke: Invoke
) -> None:
    store(toy.battery, source, [1, 2, 3, 4])
    fresh_db.session.commit()
    before = stored(fresh_db, 1)
    words = ("--sensor-id", "1", "--sensor-id", "3", "--event-resolution", "60")
    declined = invoke(resample_sensor_data, *words, input="y\nn\n", exit_code=1)
    assert "Aborted!" in declined.stderr
    assert stored(fresh_db, 1) == before
    assert resolution(fresh_db, 1) == resolution(fresh_db, 3) == QUARTER


def test_several_sensors_of_which_one_is_done_already(
    toy: ToyAccount, fresh_db: SQLAlchemy, source: DataSource, invoke: Invoke
) -> None:
    store(toy.battery, source, [1, 2, 3, 4])
    fresh_db.session.commit()
    ids = ("--sensor-id", "1", "--sensor-id", "2", "--sensor-id", "3")
    done = invoke(resample_sensor_data, *ids, "--event-resolution", "60", QUIET)
    assert done.stdout == (
        "day-ahead prices already has the desired event resolution.\n"
        "Successfully resampled sensor data.\n"
    )
    assert stored(fresh_db, 1) == [(0, 0, 2.5)]
    assert resolution(fresh_db, 3) == HOUR


@pytest.mark.parametrize("minutes", ["40", "10", "2880"])
def test_windows_that_would_cut_events(
    toy: ToyAccount, fresh_db: SQLAlchemy, source: DataSource, invoke: Invoke, minutes: str
) -> None:
    store(toy.battery, source, [1, 2, 3, 4])
    fresh_db.session.commit()
    words = ("--sensor-id", "1", "--event-resolution", minutes)
    refused = invoke(resample_sensor_data, *words, "--from", "2026-11-25", exit_code=1)
    assert "Cannot resample a part of the data of sensor discharging" in refused.stderr
    assert resolution(fresh_db, 1) == QUARTER
    assert len(stored(fresh_db, 1)) == 4


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--sensor-id", "77"), "'--sensor-id': No sensor found with id 77."),
        (("--event-resolution", "0"), "'--event-resolution'"),
        (("--event-resolution", "PT1H"), "'--event-resolution'"),
        (("--from", "soon"), "--from: 'soon' is no time"),
        (("--from", "2026-11-25", "--until", "2026-11-25"), "--until: This is not after the start"),
    ],
)
def test_refused(
    toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke, options: tuple[str, ...], says: str
) -> None:
    words = ("--sensor-id", "1", "--event-resolution", "60", QUIET)
    assert says in invoke(resample_sensor_data, *words, *options, exit_code=2).stderr
    assert resolution(fresh_db, 1) == QUARTER
