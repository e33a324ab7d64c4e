"""Changing single attributes of assets and sensors."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import select

from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.schemas.alert_rules import check_rules
from flexmeasures.data.schemas.sensors_to_show import check_sensors_to_show


def set_attribute(
    name: str, value: Any, *, asset_ids: Collection[int] = (), sensor_ids: Collection[int] = ()
) -> None:
    """Give these assets and sensors an attribute, or the one that they have a new value.

    value : anything that JSON can hold
    Raises FMValidationError for a value of `sensors_to_show` that cannot be shown, and for
    `alert-rules` that cannot be used.
    """
    if name == "sensors_to_show" and asset_ids:
        check_sensors_to_show(value)
    if sensor_ids:
        check_rules({name: value})
    models: tuple[tuple[Any, Collection[int]], ...] = (
        (GenericAsset, asset_ids),
        (Sensor, sensor_ids),
    )
    for model, ids in models:
        # Locked, as attributes are read and written back.
        owners = select(model).where(model.id.in_(ids)).order_by(model.id)
        owners = owners.with_for_update(key_share=True, of=model)
        for owner in db.session.scalars(owners.execution_options(populate_existing=True)):
            owner.attributes[name] = value
    db.session.flush()
