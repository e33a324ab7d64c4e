"""`flexmeasures add forecasts`: now and as jobs, what it says, refuses and stores."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pandas as pd
import pytest
from click.testing import Result
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.cli.data_add import add_forecasts
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services import jobs
from flexmeasures.data.services.tests.forecasters import make_load, stored
from flexmeasures.scheduling.tests.worlds import HOUR, QUARTER
from flexmeasures.utils.time_utils import get_timezone

Invoke = Callable[..., Result]
DAYS = ("--from-date", "2026-02-27", "--to-date", "2026-02-28")


@pytest.fixture
def load(fresh_db: SQLAlchemy) -> Sensor:
    """A sensor with measurements of four weeks until 2 March 2026."""
    return make_load()


def another(sensor: Sensor, db: SQLAlchemy, resolution: timedelta = QUARTER) -> Sensor:
    """Without any measurements."""
    other = Sensor(
        name="other", generic_asset=sensor.generic_asset, unit="kW", event_resolution=resolution
    )
    db.session.add(other)
    db.session.commit()
    return other


def test_two_days(invoke: Invoke, load: Sensor) -> None:
    """Midnights are those of the server; the last day is included."""
    done = invoke(add_forecasts, "--sensor-id", str(load.id), *DAYS, "--horizon", "6")
    table = stored(load)
    midnight = pd.Timestamp("2026-02-27", tz=str(get_timezone()))
    assert table["event_start"].min() == midnight
    assert table["event_start"].max() == midnight + 2 * 24 * HOUR - QUARTER
    assert set(table["belief_horizon"]) == {pd.Timedelta(6 * HOUR)}
    assert "Populating the database Engine(postgresql" in done.stdout
    assert " with time series forecasts of 6 hours ahead ..." in done.stdout
    assert f"Computing forecasts of 6 hours ahead for sensor {load.id}, from 20" in done.stdout
    assert f"Saving 192 6 hours-forecasts for {load.id}..." in done.stdout
    assert "DB now has 192 forecasts" in done.stdout
    assert "Sensor 1  [" not in done.stderr  # no progress bar
    again = invoke(add_forecasts, "--sensor-id", str(load.id), *DAYS, "--horizon", "6")
    assert "  0 values are new." in again.stdout
    pd.testing.assert_frame_equal(stored(load), table)


def test_all_horizons_and_quantiles(invoke: Invoke, load: Sensor) -> None:
    options = ("--to-date", "2026-02-27", "--probabilistic", "--model", "linear-OLS")
    invoke(add_forecasts, "--sensor-id", str(load.id), *DAYS[:2], *options)
    table = stored(load)
    assert sorted(set(table["belief_horizon"] / pd.Timedelta(HOUR))) == [1, 6, 24, 48]
    assert sorted(set(table["cumulative_probability"])) == [0.05, 0.25, 0.5, 0.75, 0.95]
    assert len(table) == 96 * 4 * 5
    assert "Seita (auto model v1)" not in set(table["source"])


def test_several_sensors(invoke: Invoke, load: Sensor, fresh_db: SQLAlchemy) -> None:
    """One without data is skipped; if all are, the command fails."""
    empty = another(load, fresh_db)
    both = ("--sensor-id", str(empty.id), "--sensor-id", str(load.id))
    done = invoke(add_forecasts, *both, *DAYS, "--horizon", "1")
    skipped = f"Skipping forecasts for sensor {empty}: No data available at all."
    assert skipped in done.stderr
    assert len(stored(load)) == 192
    invoke(add_forecasts, "--sensor-id", str(empty.id), *DAYS, exit_code=1)


def test_months(invoke: Invoke, load: Sensor) -> None:
    """From before the first measurement until after the last one, in one go."""
    window = ("--from-date", "2026-01-15", "--to-date", "2026-03-20")
    options = ("--horizon", "24", "--model", "seasonal-naive")
    done = invoke(add_forecasts, "--sensor-id", str(load.id), *window, *options)
    assert "by seasonal-naive model v1" in done.stdout
    table = stored(load)
    assert not table.duplicated(["event_start", "belief_horizon"]).any()
    assert table["event_start"].max() > pd.Timestamp("2026-03-20", tz=str(get_timezone()))


def test_slots(invoke: Invoke, load: Sensor) -> None:
    options = ("--horizon", "1", "--resolution", "60")
    invoke(add_forecasts, "--sensor-id", str(load.id), *DAYS, *options)
    table = stored(load)
    assert len(table) == 192
    assert (table.groupby(table["event_start"].dt.floor("h"))["event_value"].nunique() == 1).all()


def test_jobs(invoke: Invoke, load: Sensor, fresh_db: SQLAlchemy) -> None:
    other = another(load, fresh_db)
    both = ("--sensor-id", str(load.id), "--sensor-id", str(other.id))
    options = ("--horizon", "6", "--horizon", "1", "--regressor", str(other.id))
    done = invoke(add_forecasts, *both, *DAYS, *options, "--as-job", "--model", "naive")
    assert done.stdout == "4 new forecasting job(s) added to the queue.\n"
    waiting = [jobs.find_job(job_id) for job_id in jobs.find_queue("forecasting").job_ids]
    midnight = pd.Timestamp("2026-02-27", tz=str(get_timezone()))
    for job, (sensor, hours) in zip(
        waiting, [(load, 1), (other, 1), (load, 6), (other, 6)], strict=True
    ):
        assert job is not None
        assert job.kwargs["sensor_id"] == sensor.id
        assert job.kwargs["horizon"] == hours * HOUR
        assert (job.kwargs["start"], job.kwargs["end"]) == (midnight, midnight + 48 * HOUR)
        assert job.kwargs["regressors"] == [other.id]
        assert job.meta["model_search_term"] == "naive"


@pytest.mark.parametrize(
    ("resolution", "hours"),
    [(7 * 24 * HOUR, [168]), (24 * HOUR, [24, 48]), (HOUR / 12, [1, 6, 24, 48])],
)
def test_usual_horizons(
    invoke: Invoke, load: Sensor, fresh_db: SQLAlchemy, resolution: timedelta, hours: list[int]
) -> None:
    other = another(load, fresh_db, resolution)
    invoke(add_forecasts, "--sensor-id", str(other.id), *DAYS, "--as-job")
    waiting = [jobs.find_job(job_id) for job_id in jobs.find_queue("forecasting").job_ids]
    assert [job.kwargs["horizon"] / HOUR for job in waiting if job is not None] == hours


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--sensor-id", "99"), "--sensor-id"),
        (("--sensor-id", "x"), "--sensor-id"),
        (("--from-date", "yesterday"), "--from-date"),
        (("--from-date", "0001-01-01"), "--from-date"),
        (("--to-date", "2026-02-30"), "--to-date"),
        (("--to-date", "9999-12-31"), "--to-date"),
        (("--from-date", "2026-03-01"), "'--from-date' 2026-03-01 is after '--to-date'"),
        (("--horizon", "2"), "--horizon"),
        (("--resolution", "20"), "--resolution"),
        (("--resolution", "0"), "--resolution"),
        (("--resolution", "5"), "--resolution"),
        (("--regressor", "99"), "--regressor"),
        (("--model", "oracle"), "'--model'"),
    ],
)
def test_refused(invoke: Invoke, load: Sensor, options: tuple[str, ...], says: str) -> None:
    refused = invoke(add_forecasts, "--sensor-id", str(load.id), *DAYS, *options, exit_code=2)
    assert says in refused.stderr
    assert stored(load).empty


def test_a_horizon_shorter_than_events(invoke: Invoke, load: Sensor, fresh_db: SQLAlchemy) -> None:
    daily = another(load, fresh_db, 24 * HOUR)
    both = ("--sensor-id", str(load.id), "--sensor-id", str(daily.id))
    for how in ((), ("--as-job",)):
        refused = invoke(add_forecasts, *both, *DAYS, "--horizon", "6", *how, exit_code=2)
        assert "'--horizon' 6 (hours) is not a multiple" in refused.stderr
    assert stored(load).empty
    assert jobs.find_queue("forecasting").is_empty()


def test_sensors_are_needed(invoke: Invoke, fresh_db: SQLAlchemy) -> None:
    assert "--sensor-id" in invoke(add_forecasts, exit_code=2).stderr
