"""Use cases about assets and sensors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import joinedload

from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.data.models.user import Account
from flexmeasures.data.queries.assets import ancestors, descendants
from flexmeasures.data.schemas.flex_config import without_references
from flexmeasures.data.schemas.sensors_to_show import without_sensors
from flexmeasures.data.services.utils import explaining

# Held by who moves assets within their tree: two moves at once could close a circle.
_LOCK_ON_TREES = 4_815_162_342
# Locks assets with any of these ids (or another number that is equal) in their configuration.
_REFERRING = """
    SELECT id FROM generic_asset
    WHERE EXISTS (
        SELECT FROM unnest(ARRAY[
            (attributes -> 'sensors_to_show')::jsonb, flex_model::jsonb, flex_context::jsonb
        ]) AS config, jsonb_path_query(
            config, 'strict $.** ? (@.type() == "number" || @.type() == "string")'
        ) AS value
        WHERE value #>> '{}' = ANY(:ids)
    )
    ORDER BY id FOR NO KEY UPDATE
"""


class AssetRefused(ValueError):
    """An asset cannot be stored like this, because of one field."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


class AssetGone(LookupError):
    """Somebody else deleted the asset meanwhile."""


def assets_by_name(account: Account) -> Sequence[GenericAsset]:
    """The assets of an account, with their types."""
    query = select(GenericAsset).filter_by(account_id=account.id)
    return db.session.scalars(
        query.options(joinedload(GenericAsset.generic_asset_type)).order_by(GenericAsset.name)
    ).all()


def create_asset(**fields: Any) -> GenericAsset:
    """Add an asset.

    fields : columns of `GenericAsset`, and `sensors_to_show` (kept among the attributes)
    Raises AssetRefused if its name is taken, or if what it refers to is gone.
    """
    columns = _with_shown_sensors(fields, {})
    place = columns.get("parent_asset_id"), columns.get("account_id")
    _check_name(columns["name"], *place)
    with explaining(_refusals(columns["name"], *place)):
        asset = GenericAsset(**columns)
        db.session.add(asset)
        db.session.flush()
    return asset


def change_asset(asset: GenericAsset, **changes: Any) -> None:
    """Change an asset; each field that is given is replaced as a whole.

    changes : as the fields of `create_asset`, without the account
    Raises AssetRefused (also for a parent of another account, or one that is part of the asset),
    and AssetGone.
    """
    # Locked, as attributes are read and written back.
    locked = select(GenericAsset.id).where(GenericAsset.id == asset.id)
    if db.session.scalar(locked.with_for_update(key_share=True)) is None:
        raise AssetGone()
    db.session.refresh(asset)
    columns = _with_shown_sensors(changes, asset.attributes)
    parent_id = columns.get("parent_asset_id", asset.parent_asset_id)
    name = columns.get("name", asset.name)
    if parent_id != asset.parent_asset_id and parent_id is not None:
        _check_parent(asset, parent_id)
    if (name, parent_id) != (asset.name, asset.parent_asset_id):
        _check_name(name, parent_id, asset.account_id)
    with explaining(_refusals(name, parent_id, asset.account_id)):
        for column, value in columns.items():
            setattr(asset, column, value)
        db.session.flush()


def delete_asset(asset: GenericAsset) -> None:
    """Delete an asset, and with it its children, all their sensors and their beliefs.

    The database sees to that. Other assets do not refer to these sensors any more.
    """
    tree = descendants(GenericAsset.id == asset.id)
    sensors = select(Sensor.id).where(Sensor.generic_asset_id.in_(tree))
    gone = db.session.scalars(sensors).all()
    db.session.execute(delete(GenericAsset).where(GenericAsset.id == asset.id))
    forget_sensors(gone)


def delete_sensor(sensor: Sensor) -> None:
    """Delete a sensor, its beliefs and links to annotations; no asset refers to it any more."""
    gone = sensor.id
    db.session.execute(delete(Sensor).where(Sensor.id == gone))
    forget_sensors([gone])


def forget_sensors(sensor_ids: Collection[int]) -> None:
    """Take these sensors out of all assets: of what charts show, flex-models and flex-contexts.

    Without any sensors left, charts show the default. Fields of flex-models and flex-contexts go
    with the sensor that they refer to.
    """
    if not sensor_ids:
        return
    gone = set(sensor_ids)
    referring = text(_REFERRING).bindparams(ids=[str(id_) for id_ in gone])
    assets = select(GenericAsset).where(GenericAsset.id.in_(db.session.scalars(referring).all()))
    for asset in db.session.scalars(assets.execution_options(populate_existing=True)):
        left = without_sensors(asset.attributes.pop("sensors_to_show", []), gone)
        if left:
            asset.attributes["sensors_to_show"] = left
        asset.flex_model = without_references(asset.flex_model, gone)
        asset.flex_context = without_references(asset.flex_context, gone)
    db.session.flush()


def number_of_beliefs(sensor: Sensor) -> int:
    query = select(func.count()).select_from(TimedBelief).filter_by(sensor_id=sensor.id)
    return db.session.scalars(query).one()


def _with_shown_sensors(fields: dict[str, Any], attributes: dict[str, Any]) -> dict[str, Any]:
    """The same, with `sensors_to_show` put among the attributes, of which these are there.

    An empty list stands for the default, as it does in answers.
    """
    if "sensors_to_show" not in fields:
        return fields
    columns = dict(fields)
    shown = columns.pop("sensors_to_show")
    kept = dict(columns.get("attributes", attributes))
    kept.pop("sensors_to_show", None)
    columns["attributes"] = kept | ({"sensors_to_show": shown} if shown else {})
    return columns


def _check_parent(asset: GenericAsset, parent_id: int) -> None:
    db.session.execute(select(func.pg_advisory_xact_lock(_LOCK_ON_TREES)))
    account_of_parent = select(GenericAsset.account_id).where(GenericAsset.id == parent_id)
    if db.session.execute(account_of_parent).scalar_one_or_none() != asset.account_id:
        raise AssetRefused("parent_asset_id", "The parent should belong to the same account.")
    if asset.id in db.session.scalars(ancestors(parent_id)).all():
        raise AssetRefused("parent_asset_id", "An asset cannot be part of itself.")


def _check_name(name: str, parent_id: int | None, account_id: int | None) -> None:
    """Raise AssetRefused if an asset at the same place has the name.

    Constraints say so too, but not of public assets, some of which share their name.
    """
    same = select(GenericAsset.id).filter_by(name=name, parent_asset_id=parent_id)
    if parent_id is None:
        same = same.filter_by(account_id=account_id)
    if db.session.scalar(same.limit(1)) is not None:
        raise _name_taken(name, parent_id, account_id)


def _name_taken(name: str, parent_id: int | None, account_id: int | None) -> AssetRefused:
    if parent_id is not None:
        where = f"in the asset with id {parent_id}"
    elif account_id is not None:
        where = "in this account"
    else:
        where = "among the public assets"
    return AssetRefused("name", f"An asset with the name {name} already exists {where}.")


def _refusals(name: str, parent_id: int | None, account_id: int | None) -> dict[str, Exception]:
    """Why the database may refuse an asset, by constraint."""
    return {
        "generic_asset_name_account_id_key": _name_taken(name, parent_id, account_id),
        "generic_asset_parent_asset_id_name_key": _name_taken(name, parent_id, account_id),
        "generic_asset_parent_asset_id_generic_asset_fkey": AssetRefused(
            "parent_asset_id", f"No asset found with id {parent_id}."
        ),
        "generic_asset_account_id_account_fkey": AssetRefused(
            "account_id", f"Account with Id {account_id} doesn't exist."
        ),
        "generic_asset_generic_asset_type_id_generic_asset_type_fkey": AssetRefused(
            "generic_asset_type_id", "This type of assets doesn't exist any more."
        ),
    }
