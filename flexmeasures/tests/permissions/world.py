"""Two tenants, people in many roles, and what they may or may not see."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.models.user import Account, User
from flexmeasures.data.services.accounts import create_account
from flexmeasures.data.services.users import create_user

PASSWORD = "battery-horse"

# Account and user roles of everybody. The bakery owns things; the mill is the other tenant.
PEOPLE: dict[str, tuple[str, list[str]]] = {
    "other": ("Mill", ["account-admin"]),
    "member": ("Bakery", []),
    "account-admin": ("Bakery", ["account-admin"]),
    "admin-reader": ("Server Room", ["admin-reader"]),
    "admin": ("Server Room", ["admin"]),
    "deactivated": ("Bakery", ["account-admin", "admin"]),
    # nobody who asks, but whom others ask about
    "colleague": ("Bakery", []),
    "admin of the bakery": ("Bakery", ["admin"]),
}
UNKNOWN = 123_456


@dataclass
class World:
    """Ids by what they are in the eyes of the bakery's members."""

    users: dict[str, int] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)


def build_world() -> World:
    create_account("Bakery", ["Prosumer"])
    world = World()
    for name, (account, roles) in PEOPLE.items():
        user = create_user(
            email=f"{name.replace(' ', '.')}@example.com",
            username=name,
            password=PASSWORD,
            account_name=account,
            user_roles=roles,
            active=name != "deactivated",
            check_email_deliverability=False,
        )
        world.users[name] = user.id
        world.ids[f"account of {account}"] = user.account_id
    kind = GenericAssetType(name="battery")
    for owner in ("Bakery", "Mill", None):
        tenant = db.session.query(Account).filter_by(name=owner).one_or_none()
        asset = GenericAsset(name="store", generic_asset_type=kind, owner=tenant)
        sensor = Sensor("power", asset, unit="MW", event_resolution=timedelta(minutes=15))
        db.session.add_all([asset, sensor])
        db.session.flush()
        world.ids[f"asset of {owner}"] = asset.id
        world.ids[f"sensor of {owner}"] = sensor.id
    db.session.commit()
    return world


def user_named(name: str) -> User:
    return db.session.query(User).filter_by(username=name).one()
