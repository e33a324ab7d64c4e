"""Reading assets: whose they are, where in their tree, and what to load with them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, literal, select
from sqlalchemy.orm import aliased, contains_eager, defer, joinedload, load_only, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from flexmeasures.auth.acl import Caller
from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.models.user import Account
from flexmeasures.data.queries.access import readable


def assets_with(fields: Collection[str], caller: Caller | None) -> Select[GenericAsset]:
    """All assets, loaded with what these fields of an answer need, and joined to their accounts.

    One statement reads assets, owners and types. Children (those that the caller may read) and
    sensors take one more each for every 500 assets.
    """
    statement = select(GenericAsset).outerjoin(GenericAsset.owner)
    return statement.options(*_loading(fields, caller))


def _loading(fields: Collection[str], caller: Caller | None) -> list[ORMOption]:
    its_type = joinedload(GenericAsset.generic_asset_type)
    its_type = its_type.load_only(GenericAssetType.id, GenericAssetType.name)
    may_read = readable(caller, GenericAsset.account_id)
    by_field: dict[str, ORMOption] = {
        "owner": contains_eager(GenericAsset.owner).load_only(Account.id, Account.name),
        "generic_asset_type": its_type,
        "sensors": selectinload(GenericAsset.sensors).load_only(Sensor.id, Sensor.name),
        "child_assets": selectinload(GenericAsset.child_assets.and_(may_read)).options(
            load_only(GenericAsset.id, GenericAsset.name, GenericAsset.account_id), its_type
        ),
    }
    options = [option for field, option in by_field.items() if field in fields]
    if not {"attributes", "sensors_to_show"} & set(fields):
        options.append(defer(GenericAsset.attributes))
    flex = {"flex_model": GenericAsset.flex_model, "flex_context": GenericAsset.flex_context}
    options += [defer(column) for field, column in flex.items() if field not in fields]
    return options


def descendants(roots: ColumnElement[bool], depth: int | None = None) -> Select[int]:
    """Ids of assets and of all below them.

    roots : which assets to start from
    depth : levels to go down, at most; 0 for none
    """
    child = aliased(GenericAsset)
    if depth is None:
        # Without levels, rows of a cycle would be equal, and so end it.
        tree = select(GenericAsset.id).where(roots).cte("tree", recursive=True)
        below = select(child.id).join(tree, child.parent_asset_id == tree.c.id)
        return select(tree.union(below).c.id)
    level = literal(0).label("level")
    levels = select(GenericAsset.id, level).where(roots).cte("levels", recursive=True)
    step = (
        select(child.id, levels.c.level + 1)
        .join(levels, child.parent_asset_id == levels.c.id)
        .where(levels.c.level < depth)
    )
    return select(levels.union(step).c.id)


def ancestors(asset_id: int) -> Select[int]:
    """Ids of an asset and of all that it is part of."""
    line = (
        select(GenericAsset.id, GenericAsset.parent_asset_id)
        .where(GenericAsset.id == asset_id)
        .cte("line", recursive=True)
    )
    parent = aliased(GenericAsset)
    step = select(parent.id, parent.parent_asset_id).join(line, parent.id == line.c.parent_asset_id)
    return select(line.union(step).c.id)


def is_part_of(asset_id: int, other_id: int) -> bool:
    """Is the one the other, or below it?"""
    line = ancestors(asset_id).subquery()
    return bool(db.session.scalar(select(exists().where(line.c.id == other_id))))


def attributes_below(asset_id: int) -> list[tuple[int, Any]]:
    """Attributes of an asset, of all below it, and of their sensors, with ids. Two statements."""
    tree = descendants(GenericAsset.id == asset_id)
    of_assets = select(GenericAsset.id, GenericAsset.attributes).where(GenericAsset.id.in_(tree))
    of_sensors = select(Sensor.id, Sensor.attributes).where(Sensor.generic_asset_id.in_(tree))
    return [
        (id_, attributes)
        for query in (of_assets.order_by(GenericAsset.id), of_sensors.order_by(Sensor.id))
        for id_, attributes in db.session.execute(query)
    ]
