"""Registers weather sensors, and gets forecasts for a grid of places around them."""

import sys
from datetime import datetime, timedelta

import click
from flask import Blueprint, current_app
from flask.cli import with_appcontext
from packaging import version
from timely_beliefs import BeliefsDataFrame

from flexmeasures import Asset, AssetType, Sensor, Source
from flexmeasures import __version__ as flexmeasures_version
from flexmeasures.data.config import db
from flexmeasures.data.models.time_series import TimedBelief
from flexmeasures.data.services.data_sources import get_or_create_source
from flexmeasures.data.transactional import task_with_status_report
from flexmeasures.data.utils import save_to_db
from flexmeasures.utils.flexmeasures_inflection import pluralize
from flexmeasures.utils.grid_cells import LatLngGrid, get_cell_nums
from flexmeasures.utils.time_utils import as_server_time, get_timezone, server_now

__version__ = "1.0"
__settings__ = {
    "WEATHER_API_KEY": {"description": "Key.", "level": "error", "required": True, "default": 1},
    "WEATHER_DATA": {"descriptoin": "misspelt", "level": "debug"},
}
MAPPING = {
    "temperature": {"unit": "°C", "attributes": {"daily_seasonality": True}},
    "wind speed": {"unit": "m/s", "attributes": {"daily_seasonality": True}},
}

weather_cli_bp = Blueprint("weather-service CLI", __name__, cli_group="weather")
weather_cli_bp.cli.help = "Weather commands"


def source_type() -> str:
    old = version.parse(flexmeasures_version) < version.parse("0.13")
    return "forecasting script" if old else "forecaster"


def weather_station(latitude: float, longitude: float) -> Asset:
    station_type = AssetType.query.filter(AssetType.name == "weather station").one_or_none()
    if station_type is None:
        station_type = AssetType(name="weather station", description="For the weather")
        db.session.add(station_type)
    for asset in Asset.query.filter(Asset.account_id.is_(None)).all():
        if asset.location == (latitude, longitude):
            return asset
    station = Asset(
        name=f"station at {latitude}, {longitude}",
        generic_asset_type=station_type,
        latitude=latitude,
        longitude=longitude,
    )
    db.session.add(station)
    return station


@weather_cli_bp.cli.command("register-weather-sensor")
@with_appcontext
@click.option("--name", required=True)
@click.option("--latitude", required=True, type=float)
@click.option("--longitude", required=True, type=float)
def add_weather_sensor(name: str, latitude: float, longitude: float):
    """Add a weather sensor."""
    if name not in MAPPING:
        click.echo(f"Sensor name {name} is not supported.")
        raise click.Abort
    station = weather_station(latitude, longitude)
    db.session.flush()
    if Sensor.query.filter(Sensor.name == name, Sensor.generic_asset == station).one_or_none():
        click.echo(f"A '{name}' weather sensor already exists at this place.")
        return
    sensor = Sensor(
        name=name,
        unit=MAPPING[name]["unit"],
        generic_asset=station,
        event_resolution=timedelta(hours=1),
        timezone=str(get_timezone()),
        attributes=MAPPING[name]["attributes"],
    )
    db.session.add(sensor)
    db.session.commit()
    click.echo(f"Successfully created weather sensor with ID {sensor.id}")
    click.echo(f"You can access it at its entity address {sensor.entity_address}")


@weather_cli_bp.cli.command("get-weather-forecasts")
@click.option("--location", required=True, help="top,left:bottom,right or lat,lng")
@click.option("--num-cells", type=int, default=9)
@click.option("--store-in-db/--store-as-files", default=True)
@with_appcontext
@task_with_status_report("get-weather-forecasts")
def collect(location: str, num_cells: int, store_in_db: bool):
    """Get forecasts of the weather."""
    if not location.replace(",", "").replace(".", "").replace(":", "").isdigit():
        raise Exception(f"location parameter {location!r} makes no sense")
    corners = [tuple(float(x) for x in corner.split(",")) for corner in location.split(":")]
    if len(corners) == 1:
        locations = corners
    else:
        rows, columns = get_cell_nums(corners[0], corners[1], num_cells)
        grid = LatLngGrid(corners[0], corners[1], num_cells_lat=rows, num_cells_lng=columns)
        locations = grid.get_locations("square")
    click.echo(f"Getting {len(locations)} {pluralize('forecast', len(locations))}")
    if not store_in_db:
        click.echo(f"Into a folder below {current_app.root_path}")
        return
    now = server_now().replace(microsecond=0, second=0, minute=0)
    beliefs: dict[str, list[TimedBelief]] = {}
    for lat, lng in locations:
        for name in MAPPING:
            sensor = closest(name, lat, lng)
            source: Source = get_or_create_source(
                source="Weather", source_type=source_type(), flush=False
            )
            told = beliefs.setdefault(f"{sensor.id}", [])
            told.extend(
                TimedBelief(
                    event_start=as_server_time(datetime.fromtimestamp(now.timestamp(), now.tzinfo))
                    + timedelta(hours=ahead),
                    belief_horizon=timedelta(hours=ahead),
                    event_value=10 + ahead,
                    sensor=sensor,
                    source=source,
                )
                for ahead in range(3)
            )
    for told in beliefs.values():
        click.echo(f"Saved: {save_to_db(BeliefsDataFrame(told))}")


def closest(name: str, lat: float, lng: float) -> Sensor:
    sensor = Sensor.find_closest(
        generic_asset_type_name="weather station", sensor_name=name, lat=lat, lng=lng, n=1
    )
    if sensor is None:
        raise Exception(f"No sensor '{name}' near {lat}, {lng}")
    station: Asset = sensor.generic_asset
    if abs(station.latitude - lat) > 1 or abs(station.longitude - lng) > 1:
        print(f"Sensor {sensor.id} is far away from {lat}, {lng}", file=sys.stderr)
    return sensor
