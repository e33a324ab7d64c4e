"""Queries of assets by what they have in common, for plugins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select

from flexmeasures.auth.acl import viewer
from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.user import Account
from flexmeasures.data.queries.access import readable
from flexmeasures.utils.flexmeasures_inflection import pluralize


def get_asset_group_queries(
    group_by_type: bool = True,
    group_by_account: bool = False,
    group_by_location: bool = False,
    custom_aggregate_type_groups: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """Queries (of Flask-SQLAlchemy) of assets by the name of their group.

    custom_aggregate_type_groups : names of types, by the name of a group of them; these come first

    They find assets that the current user may read, and all in commands. Groups can be empty.
    """
    groups: dict[str, Any] = {
        name: query_assets_by_type(types)
        for name, types in (custom_aggregate_type_groups or {}).items()
    }
    if group_by_type:
        names = db.session.scalars(select(GenericAssetType.name).order_by(GenericAssetType.id))
        groups |= {pluralize(name): query_assets_by_type(name) for name in names}
    if group_by_account:
        groups |= {
            account.name: _assets().filter(GenericAsset.account_id == account.id)
            for account in db.session.scalars(select(Account).order_by(Account.id))
        }
    if group_by_location:
        groups |= get_location_queries()
    return groups


def query_assets_by_type(type_names: str | Sequence[str]) -> Any:
    """Assets of one type or of several."""
    names = [type_names] if isinstance(type_names, str) else type_names
    types = select(GenericAssetType.id).where(GenericAssetType.name.in_(names))
    return _assets().filter(GenericAsset.generic_asset_type_id.in_(types))


def get_location_queries() -> dict[str, Any]:
    """Assets that share a location with others, named after the one with the lowest id."""
    asset = GenericAsset
    place = (asset.latitude, asset.longitude)
    shared = (
        select(*place, func.min(asset.id).label("first"))
        .where(readable(viewer(), asset.account_id), *(side.is_not(None) for side in place))
        .group_by(*place)
        .having(func.count() > 1)
        .subquery()
    )
    named = select(asset.name, shared.c.latitude, shared.c.longitude).join(
        shared, shared.c.first == asset.id
    )
    return {
        f"{name} and others at ({latitude}, {longitude})": _assets().filter(
            asset.latitude == latitude, asset.longitude == longitude
        )
        for name, latitude, longitude in db.session.execute(named.order_by(asset.id))
    }


def _assets() -> Any:
    return GenericAsset.query.filter(readable(viewer(), GenericAsset.account_id))
