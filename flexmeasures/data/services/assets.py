"""Use cases about assets and sensors."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.orm import joinedload

from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.data.models.user import Account


def assets_by_name(account: Account) -> Sequence[GenericAsset]:
    """The assets of an account, with their types."""
    query = select(GenericAsset).filter_by(account_id=account.id)
    return db.session.scalars(
        query.options(joinedload(GenericAsset.generic_asset_type)).order_by(GenericAsset.name)
    ).all()


def delete_asset(asset: GenericAsset) -> None:
    """Delete an asset; the database lets its sensors, beliefs and links to annotations go too."""
    db.session.execute(delete(GenericAsset).where(GenericAsset.id == asset.id))


def delete_sensor(sensor: Sensor) -> None:
    """Delete a sensor; the database lets its beliefs and links to annotations go too."""
    db.session.execute(delete(Sensor).where(Sensor.id == sensor.id))


def number_of_beliefs(sensor: Sensor) -> int:
    query = select(func.count()).select_from(TimedBelief).filter_by(sensor_id=sensor.id)
    return db.session.scalars(query).one()
