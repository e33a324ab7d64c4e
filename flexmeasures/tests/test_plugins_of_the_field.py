"""What plugins do that are in use: import prices, and forecasts of the weather."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from flexmeasures import Asset, Sensor, Source
from flexmeasures.app import create
from flexmeasures.data.models.task_runs import LatestTaskRun
from flexmeasures.data.models.time_series import TimedBelief

PLUGINS = Path(__file__).parent / "plugins"
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def site(app: Flask) -> Iterator[Flask]:
    before = list(sys.path)
    site = create(
        env="testing",
        plugins=[str(PLUGINS / name) for name in ("day-ahead-market", "weather_service")],
    )
    with site.app_context():
        yield site
    sys.path[:] = before
    for name in ("day-ahead-market", "market_server", "weather_service"):
        sys.modules.pop(name, None)


@pytest.fixture
def run(site: Flask, fresh_db: SQLAlchemy, run_as_cli: None) -> Run:
    return lambda *words: site.test_cli_runner().invoke(args=words)


def prices() -> list[float]:
    sensor = Sensor.query.filter_by(name="Day-ahead prices").one()
    return list(sensor.search_beliefs(one_deterministic_belief_per_event=True).event_value)


def test_prices_are_imported(run: Run) -> None:
    told = run("market", "import-day-ahead-prices")
    assert "all\n" in told.output
    assert "Reported task market-import-day-ahead-prices status as True" in told.output
    assert "ea1." in told.output and "by the market: True" in told.output  # log lines
    assert prices() == list(range(24))
    zone = Asset.query.filter_by(name="NL transmission zone").one()
    assert (zone.account_id, zone.generic_asset_type.name) == (None, "transmission zone")
    assert Source.query.one().type == "forecasting script"
    assert "nothing new\n" in run("market", "import-day-ahead-prices").output


def test_a_dry_run_saves_nothing(run: Run) -> None:
    told = run("market", "import-day-ahead-prices", "--dryrun")
    assert "event_value" in told.output and "status as True" in told.output
    assert TimedBelief.query.count() == 0


def test_no_prices(run: Run) -> None:
    told = run("market", "import-day-ahead-prices", "--country", "XX")
    assert "No prices. Aborting ..." in told.output and "Aborted" in told.output
    assert "Reported task market-import-day-ahead-prices status as False" in told.output
    assert not LatestTaskRun.query.one().status


@pytest.mark.filterwarnings("default::FutureWarning", "default::DeprecationWarning")
def test_as_versions_of_old_save(run: Run) -> None:
    told = run("market", "import-day-ahead-prices", "--old")
    assert "Request has been processed." in told.output and "status as True" in told.output
    assert prices() == list(range(24))
    told = run("market", "import-day-ahead-prices", "--old", "--correct-by", "1")
    assert "status as True" in told.output


def register(run: Run, name: str = "temperature", lat: int = 52, lng: int = 4) -> str:
    place = ("--latitude", str(lat), "--longitude", str(lng))
    return run("weather", "register-weather-sensor", "--name", name, *place).output


def test_sensors_are_registered(run: Run) -> None:
    assert "Successfully created weather sensor with ID" in register(run)
    assert "already exists" in register(run)
    assert "Successfully created" in register(run, "wind speed")
    assert "Aborted" in register(run, "mood")
    assert Asset.query.one().location == (52, 4)
    assert [sensor.unit for sensor in Sensor.query.order_by(Sensor.id)] == ["°C", "m/s"]
    assert Sensor.query.first().get_attribute("daily_seasonality") is True


def test_forecasts_of_the_weather(run: Run) -> None:
    register(run), register(run, "wind speed"), register(run, "temperature", 10, 10)
    told = run("weather", "get-weather-forecasts", "--location", "52,4")
    assert told.output.count("Saved: success\n") == 2
    assert "Reported task get-weather-forecasts status as True" in told.output
    by_sensor = {belief.sensor.name for belief in TimedBelief.query.all()}
    assert (by_sensor, TimedBelief.query.count()) == ({"temperature", "wind speed"}, 6)
    assert Source.query.one().type == "forecaster"


def test_forecasts_for_a_grid(run: Run) -> None:
    register(run), register(run, "wind speed")
    words = ("--location", "54,2:50,6", "--num-cells", "4", "--store-as-files")
    told = run("weather", "get-weather-forecasts", *words)
    assert "Number of locations in square grid: 9" in told.output
    assert "Getting 9 forecasts" in told.output
    assert told.output.strip().endswith("status as True")


def test_forecasts_that_fail(run: Run) -> None:
    told = run("weather", "get-weather-forecasts", "--location", "52,4")
    assert "Reported task get-weather-forecasts status as False" in told.output
    assert "No sensor 'temperature' near 52.0, 4.0" in told.output
    told = run("weather", "get-weather-forecasts", "--location", "here")
    assert "makes no sense" in told.output and "status as False" in told.output
