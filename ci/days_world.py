"""What `ci/days.py` serves: a neighbourhood of meters, a market, and batteries."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import numpy as np

from ci.days_client import DAY, HOUR, MINUTE, QUARTER, Battery, Meter

HISTORY = 25 * HOUR  # of meters, before the first day: forecasts need a day


@dataclass
class World:
    """What is served, and by whom it is used."""

    start: datetime
    token: str
    source: int  # of the user
    meters: list[Meter]
    prices: Meter
    batteries: list[Battery]


def build(options: argparse.Namespace) -> World:
    """A database with a user, meters and batteries."""
    from flask_migrate import upgrade

    from flexmeasures.app import create
    from flexmeasures.data.config import db
    from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
    from flexmeasures.data.models.time_series import Sensor
    from flexmeasures.data.services.accounts import create_account
    from flexmeasures.data.services.data_sources import get_or_create_source
    from flexmeasures.data.services.users import create_user

    app = create()
    if not app.config["LOCAL_MODE"]:
        sys.exit("A config file of this machine names a database. This program uses its own.")
    with app.app_context():
        upgrade()
        owner = create_account("Neighbourhood", [])
        user = create_user(
            email="meters@example.com",
            username="meters",
            password="battery-horse",
            account_name=owner.name,
            user_roles=["account-admin"],
            check_email_deliverability=False,
        )

        def sensor(
            asset: str, kind: str, unit: str, resolution: timedelta, **attributes: bool
        ) -> Sensor:
            known = db.session.query(GenericAssetType).filter_by(name=kind).one_or_none()
            type_ = known or GenericAssetType(name=kind)
            made = Sensor(
                name="power" if unit != "EUR/MWh" else "price",
                generic_asset=GenericAsset(name=asset, generic_asset_type=type_, owner=owner),
                unit=unit,
                event_resolution=resolution,
                timezone="Europe/Amsterdam",
                attributes=attributes,
            )
            db.session.add(made)
            db.session.flush()
            return made

        # Fits to values of minutes take long, and are measured elsewhere.
        meters = [
            *(sensor(f"shop {n}", "building", "kW", QUARTER) for n in range(options.forecasts)),
            *(
                sensor(f"house {n}", "building", "kW", MINUTE, forecast_on_new_data=False)
                for n in range(options.sensors - options.forecasts)
            ),
        ]
        price = sensor("market", "market", "EUR/MWh", HOUR)
        batteries = [
            sensor(f"battery {n}", "battery", "kW", QUARTER) for n in range(options.batteries)
        ]
        source = get_or_create_source(user)
        db.session.commit()
        today = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
        start = today - (int(options.days) + 2) * DAY
        world = World(
            start=start,
            token=str(user.get_auth_token()),
            source=source.id,
            meters=[
                meter(one.id, one.event_resolution, start - HISTORY, options, number)
                for number, one in enumerate(meters)
            ],
            prices=prices(price.id, start, options),
            batteries=[Battery(one.id, price.id) for one in batteries],
        )
        db.session.remove()
        db.engine.dispose()
        return world


def meter(
    sensor: int, step: timedelta, start: datetime, options: argparse.Namespace, number: int
) -> Meter:
    """A building that draws power by day, with noise."""
    chance = np.random.default_rng([options.seed, number])
    length = (HISTORY + quarters(options) * QUARTER) // step
    day = np.sin(np.arange(length) * (2 * np.pi * (step / DAY)) - chance.uniform(0, 3)) + 1.2
    values = np.round(10 * day + chance.normal(0, 1, length), 3)
    return Meter(sensor, "kW", step, start, values, manner=number % 3)


def prices(sensor: int, start: datetime, options: argparse.Namespace) -> Meter:
    chance = np.random.default_rng([options.seed, 1_000_000])
    values = np.round(chance.normal(60, 30, 24 * (int(options.days) + 4)), 2)
    return Meter(sensor, "EUR/MWh", HOUR, start, values, manner=0)


def quarters(options: argparse.Namespace) -> int:
    return max(1, round(options.days * DAY / QUARTER))
