"""Reading sensors: whose they are, and on which assets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, func, select

from flexmeasures.auth.acl import viewer
from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.queries.access import readable
from flexmeasures.data.queries.assets import descendants
from flexmeasures.utils.geo_utils import EARTH_RADIUS_IN_KM

if TYPE_CHECKING:
    from collections.abc import Iterable


def sensors_with_owners() -> Select[Sensor]:
    """All sensors by id, joined to their assets and the accounts of these. One statement."""
    joined = select(Sensor).join(Sensor.generic_asset).outerjoin(GenericAsset.owner)
    return joined.order_by(Sensor.id)


def is_below(asset: GenericAsset) -> ColumnElement[bool]:
    """Is a sensor on this asset, or on one that is part of it?"""
    return Sensor.generic_asset_id.in_(descendants(GenericAsset.id == asset.id))


def distance(latitude: float, longitude: float) -> ColumnElement[float]:
    """How far an asset with a location is from a place (in degrees), in km.

    The haversine formula, as in `utils.geo_utils.earth_distance`. No extension is needed.
    """
    asset = GenericAsset
    haversine = func.power(func.sin(func.radians(asset.latitude - latitude) / 2), 2) + func.cos(
        func.radians(asset.latitude)
    ) * func.cos(func.radians(latitude)) * func.power(
        func.sin(func.radians(asset.longitude - longitude) / 2), 2
    )
    return 2 * EARTH_RADIUS_IN_KM * func.asin(func.sqrt(func.least(haversine, 1.0)))


def _is_located() -> ColumnElement[bool]:
    return GenericAsset.latitude.is_not(None) & GenericAsset.longitude.is_not(None)


def find_closest(
    asset_type: str,
    sensor_name: str,
    location: tuple[float, float],
    number: int = 1,
    account_id: int | None = None,
) -> list[Sensor]:
    """The nearest sensors of a name whose assets are of a type; those that the viewer may read.

    location : latitude and longitude, in degrees
    account_id : only sensors of this account, and public ones
    """
    far = distance(*location)
    account = GenericAsset.account_id
    conditions: list[Any] = [
        GenericAssetType.name == asset_type,
        Sensor.name == sensor_name,
        _is_located(),
        readable(viewer(), account),
    ]
    if account_id is not None:
        conditions.append((account == account_id) | account.is_(None))
    query = select(Sensor).join(Sensor.generic_asset).join(GenericAsset.generic_asset_type)
    return [*db.session.scalars(query.where(*conditions).order_by(far, Sensor.id).limit(number))]


def find_near(asset: GenericAsset, names: Iterable[str]) -> dict[str, Sensor]:
    """The sensor of each name that is nearest to an asset, whatever the type of its own asset.

    Only sensors of public assets and of the account of the asset count. Those of the asset itself
    come first, and are the only ones if it has no location. One statement.
    """
    own = GenericAsset.id == asset.id
    account = GenericAsset.account_id
    order: list[Any] = [own.desc()]
    may = own
    if asset.location is not None:
        far = distance(*asset.location)
        order.append(far)
        may = own | _is_located()
    place = func.row_number().over(partition_by=Sensor.name, order_by=[*order, Sensor.id])
    ranked = (
        select(Sensor.id, place.label("place"))
        .join(Sensor.generic_asset)
        .where(Sensor.name.in_([*names]), (account == asset.account_id) | account.is_(None), may)
        .subquery()
    )
    nearest = select(ranked.c.id).where(ranked.c.place == 1)
    found = db.session.scalars(select(Sensor).where(Sensor.id.in_(nearest)))
    return {sensor.name: sensor for sensor in found}
