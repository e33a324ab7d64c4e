"""Imports prices, in the manner of plugins that fetch them from a market's server.

Its folder has a hyphen in its name, and is on the search path for its other module.
"""

import sys
from datetime import timedelta
from pathlib import Path

import click
from flask import Blueprint, current_app
from flask.cli import with_appcontext
from timely_beliefs import BeliefsDataFrame

from flexmeasures import Asset, AssetType, Sensor, Source
from flexmeasures.api.common.utils.api_utils import save_to_db as save_to_db_of_old
from flexmeasures.data import db
from flexmeasures.data.transactional import task_with_status_report
from flexmeasures.data.utils import get_data_source, save_to_db
from flexmeasures.utils.time_utils import server_now

sys.path.insert(0, str(Path(__file__).resolve().parent))

from market_server import day_of_prices

__version__ = "0.7"
__settings__ = {
    "MARKET_AUTH_TOKEN": {"description": "Token of the market's server.", "level": "error"},
    "MARKET_COUNTRY_CODE": {"description": "Whose prices.", "level": "warning"},
}

market_bp = Blueprint("market", __name__)
market_bp.cli.help = "Market commands"


@market_bp.cli.command("import-day-ahead-prices")
@click.option("--dryrun/--no-dryrun", default=False)
@click.option("--country", "country_code", default="NL")
@click.option("--correct-by", type=float, default=0)
@click.option("--old/--new", default=False, help="As versions of old save.")
@with_appcontext
@task_with_status_report("market-import-day-ahead-prices")
def import_prices(dryrun: bool, country_code: str, correct_by: float, old: bool):
    """Import the prices of a day."""
    log = current_app.logger
    zone_type = AssetType.query.filter_by(name="transmission zone").one_or_none()
    if not zone_type:
        zone_type = AssetType(name="transmission zone", description="A grid, as a whole.")
        db.session.add(zone_type)
    zone = Asset.query.filter_by(name=f"{country_code} transmission zone").one_or_none()
    if not zone:  # not added to the session: it comes along with its sensor
        zone = Asset(
            name=f"{country_code} transmission zone",
            generic_asset_type=zone_type,
            account_id=None,
        )
    sensor = Sensor.query.filter(
        Sensor.name == "Day-ahead prices", Sensor.generic_asset == zone
    ).one_or_none()
    if not sensor:
        sensor = Sensor(
            name="Day-ahead prices",
            unit="EUR/MWh",
            generic_asset=zone,
            timezone="Europe/Amsterdam",
            event_resolution=timedelta(hours=1),
        )
        db.session.add(sensor)
    sensor.data_by_market = True
    db.session.commit()
    log.info("Sensor %s, by the market: %s", sensor.entity_address, sensor.data_by_market)
    source: Source = get_data_source("MARKET", data_source_type="forecasting script")
    prices = day_of_prices(country_code) + correct_by
    if prices.empty:
        log.error("No prices. Aborting ...")
        raise click.Abort
    bdf = BeliefsDataFrame(
        prices, source=source, sensor=sensor, belief_time=server_now().replace(second=0)
    )
    if dryrun:
        print(bdf)
        return
    if old:
        print("Old:", save_to_db_of_old(bdf))
        return
    status = save_to_db(bdf)
    if status == "success_but_nothing_new":
        log.info("Done. These beliefs had already been saved before.")
        print("nothing new")
    elif status == "success_with_unchanged_beliefs_skipped":
        print("some")
    else:
        print("all")
