"""Reading sensors: whose they are, and on which assets."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, select

from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.queries.assets import descendants


def sensors_with_owners() -> Select[Sensor]:
    """All sensors by id, joined to their assets and the accounts of these. One statement."""
    joined = select(Sensor).join(Sensor.generic_asset).outerjoin(GenericAsset.owner)
    return joined.order_by(Sensor.id)


def is_below(asset: GenericAsset) -> ColumnElement[bool]:
    """Is a sensor on this asset, or on one that is part of it?"""
    return Sensor.generic_asset_id.in_(descendants(GenericAsset.id == asset.id))
