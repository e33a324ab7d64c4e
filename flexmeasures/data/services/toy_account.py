"""The toy account: a battery, a solar panel and a market, to get to know FlexMeasures with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.models.user import Account, User
from flexmeasures.data.services.asset_types import add_default_asset_types
from flexmeasures.data.services.users import create_user, find_user_by_email
from flexmeasures.data.services.utils import get_or_create_model
from flexmeasures.utils.timely import tb

TOY_USER_EMAIL = "toy-user@flexmeasures.io"
_AMSTERDAM = "Europe/Amsterdam"
_CANAL_HOUSE = {"latitude": 52.374, "longitude": 4.88969}
# Tomorrow's prices become known today at noon, when the day-ahead market clears.
_DAY_AHEAD = (
    tb.sensors.func_store.knowledge_horizons.x_days_ago_at_y_oclock,
    {"x": 1, "y": 12, "z": "Europe/Paris"},
)


@dataclass(frozen=True)
class ToyAccount:
    """What the tutorials work with."""

    account: Account
    battery: Sensor
    prices: Sensor
    solar: Sensor


def create_toy_user(account_name: str) -> User:
    """Add the toy user (and account), who logs in with password "toy-password"."""
    return create_user(
        email=TOY_USER_EMAIL,
        username="toy-user",
        password="toy-password",
        user_roles=["account-admin"],
        account_name=account_name,
        check_email_deliverability=False,
    )


def find_toy_user() -> User | None:
    return find_user_by_email(TOY_USER_EMAIL)


def add_toy_assets(account: Account) -> ToyAccount:
    """Make sure that the account has its battery and solar panel, and that there is a market."""
    types, _ = add_default_asset_types()
    battery = _add_battery(account, types["battery"])
    prices = _add_day_ahead_market()
    solar = _add_solar(account, types["solar"])
    # Show prices on top, and below them the battery together with the solar panel.
    battery.generic_asset.attributes["sensors_to_show"] = [prices.id, [solar.id, battery.id]]
    db.session.flush()
    return ToyAccount(account, battery, prices, solar)


def _add_battery(account: Account, asset_type: GenericAssetType) -> Sensor:
    # Matched without its attributes, which people (and schedules) are welcome to change.
    asset = db.session.scalars(
        select(GenericAsset).filter_by(name="toy-battery", owner=account, **_CANAL_HOUSE)
    ).first() or get_or_create_model(
        GenericAsset,
        name="toy-battery",
        generic_asset_type=asset_type,
        owner=account,
        attributes={"capacity_in_mw": 0.5, "min_soc_in_mwh": 0.05, "max_soc_in_mwh": 0.45},
        **_CANAL_HOUSE,
    )
    return _add_power_sensor("discharging", asset)


def _add_solar(account: Account, asset_type: GenericAssetType) -> Sensor:
    asset = get_or_create_model(
        GenericAsset,
        name="toy-solar",
        generic_asset_type=asset_type,
        owner=account,
        **_CANAL_HOUSE,
    )
    return _add_power_sensor("production", asset)


def _add_power_sensor(name: str, asset: GenericAsset) -> Sensor:
    return get_or_create_model(
        Sensor,
        name=name,
        generic_asset=asset,
        unit="MW",
        timezone=_AMSTERDAM,
        event_resolution=timedelta(minutes=15),
    )


def _add_day_ahead_market() -> Sensor:
    zone_type = db.session.scalars(
        select(GenericAssetType).filter_by(name="transmission zone")
    ).one_or_none() or get_or_create_model(
        GenericAssetType,
        name="transmission zone",
        description="A grid regulated & balanced as a whole, usually a national grid.",
    )
    zone = get_or_create_model(
        GenericAsset, name="NL transmission zone", generic_asset_type=zone_type, owner=None
    )
    return get_or_create_model(
        Sensor,
        name="day-ahead prices",
        generic_asset=zone,
        unit="EUR/MWh",
        timezone=_AMSTERDAM,
        event_resolution=timedelta(hours=1),
        knowledge_horizon=_DAY_AHEAD,
    )
