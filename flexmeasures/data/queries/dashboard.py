"""What there is, and where: assets as places on a map, and how many of each kind. A statement each,
of columns only, so that it stays quick with many thousands of them."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import func, select

from flexmeasures.auth.acl import Caller
from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.user import Account
from flexmeasures.data.queries.access import readable


class Place(NamedTuple):
    """An asset that has a location, in degrees. Its account is None if it is public."""

    id: int
    name: str
    latitude: float
    longitude: float
    type_id: int
    account_id: int | None


class Kind(NamedTuple):
    """Assets of one type, or of one account.

    id : of the type or account; None for public assets
    """

    id: int | None
    name: str
    description: str
    number: int


def places(caller: Caller) -> list[Place]:
    """Assets with a location that the caller may read, by name."""
    asset = GenericAsset.__table__.c
    columns = [asset.id, asset.name, asset.latitude, asset.longitude]
    statement = (
        select(*columns, asset.generic_asset_type_id, asset.account_id)
        .where(readable(caller, asset.account_id))
        .where(asset.latitude.is_not(None), asset.longitude.is_not(None))
        .order_by(asset.name, asset.id)
    )
    return [Place._make(row) for row in db.session.execute(statement)]


def kinds_by_type(caller: Caller) -> list[Kind]:
    """How many assets of each type the caller may read; types without any are left out."""
    kind = GenericAssetType
    statement = (
        select(kind.id, kind.name, func.coalesce(kind.description, ""), func.count())
        .join(GenericAsset, GenericAsset.generic_asset_type_id == kind.id)
        .where(readable(caller, GenericAsset.account_id))
        .group_by(kind.id)
        .order_by(kind.name, kind.id)
    )
    return [Kind._make(row) for row in db.session.execute(statement)]


def kinds_by_account(caller: Caller, public: str) -> list[Kind]:
    """How many assets of each account the caller may read; accounts without any are left out.

    public : what to call those of no account, which come last
    """
    statement = (
        select(GenericAsset.account_id, Account.name, func.count())
        .outerjoin(GenericAsset.owner)
        .where(readable(caller, GenericAsset.account_id))
        .group_by(GenericAsset.account_id, Account.name)
        .order_by(Account.name.nulls_last(), GenericAsset.account_id)
    )
    return [
        Kind(id_, public if id_ is None else name, "", number)
        for id_, name, number in db.session.execute(statement)
    ]
