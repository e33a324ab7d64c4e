"""Reading assets: whose they are, where in their tree, and what to load with them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, literal, select
from sqlalchemy.orm import aliased, contains_eager, defer, joinedload, load_only, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from flexmeasures.auth.acl import Caller
from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.data.models.user import Account
from flexmeasures.data.queries.access import readable

NUMBER_OF_SENSORS = (
    select(func.count(Sensor.id))
    .where(Sensor.generic_asset_id == GenericAsset.id)
    .correlate(GenericAsset)
    .scalar_subquery()
)
# Beyond it, how many there are exactly is not worth reading them all.
MOST_COUNTED = 1_000_000


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


def path_to(asset: GenericAsset, caller: Caller | None) -> list[tuple[int, str]]:
    """Ids and names of what an asset is part of, from the top; of these, what the caller may read.

    One statement; none for assets at the top.
    """
    if asset.parent_asset_id is None:
        return []
    may_read = readable(caller, GenericAsset.account_id)
    query = select(GenericAsset.id, GenericAsset.parent_asset_id, GenericAsset.name, may_read)
    line = db.session.execute(query.where(GenericAsset.id.in_(ancestors(asset.parent_asset_id))))
    above = {row[0]: row[1:] for row in line}
    path: list[tuple[int, str]] = []
    at: int | None = asset.parent_asset_id
    while at in above:
        next_, name, is_open = above.pop(at)
        if is_open:
            path.append((at, name))
        at = next_
    return path[::-1]


@dataclass(frozen=True)
class Going:
    """How much is deleted with an asset. Beliefs are counted up to `MOST_COUNTED`."""

    parts: int
    sensors: int
    beliefs: int


def what_goes_with(asset_id: int) -> Going:
    """All below an asset, its sensors and theirs, and what is believed. One statement."""
    tree = descendants(GenericAsset.id == asset_id).cte("all_below")
    sensors = select(Sensor.id).where(Sensor.generic_asset_id.in_(select(tree))).cte("sensors")
    beliefs = select(literal(1)).where(TimedBelief.sensor_id.in_(select(sensors.c.id)))
    some = beliefs.limit(MOST_COUNTED).subquery()
    numbers = [select(func.count()).select_from(part) for part in (tree, sensors, some)]
    row = db.session.execute(select(*(number.scalar_subquery() for number in numbers))).one()
    return Going(row[0] - 1, row[1], row[2])


def middle_of_assets(account_id: int) -> tuple[float, float] | None:
    """Latitude and longitude of the middle of the box around an account's assets; None without
    any that have a location. One statement."""
    latitude, longitude = GenericAsset.latitude, GenericAsset.longitude
    query = select(
        func.min(latitude) + func.max(latitude), func.min(longitude) + func.max(longitude)
    ).where(GenericAsset.account_id == account_id, latitude.is_not(None), longitude.is_not(None))
    north, east = db.session.execute(query).one()
    return None if north is None or east is None else (north / 2, east / 2)
