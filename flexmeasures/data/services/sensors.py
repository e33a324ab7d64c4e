"""Use cases about sensors. (They are deleted in `flexmeasures.data.services.assets`.)"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import exists, select

from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.data.models.user import Account
from flexmeasures.data.services.utils import explaining
from flexmeasures.utils.unit_registry import parse_unit

# With these, the same stored values would mean something else.
_MEANING = ("unit", "event_resolution")


class SensorRefused(ValueError):
    """A sensor cannot be stored like this, because of one field."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


class SensorGone(LookupError):
    """Somebody else deleted the sensor meanwhile."""


def get_sensors(
    account: Account | Sequence[Account] | None,
    include_public_assets: bool = False,
    sensor_id_allowlist: Sequence[int] | None = None,
    sensor_name_allowlist: Sequence[str] | None = None,
) -> list[Sensor]:
    """Sensors of one or more accounts, by id; of no account's assets (public ones) for None.

    sensor_id_allowlist, sensor_name_allowlist : leave out all others
    """
    accounts = [account] if isinstance(account, Account) else account or []
    theirs = GenericAsset.account_id.in_([account.id for account in accounts])
    public = GenericAsset.account_id.is_(None)
    belong = theirs | public if include_public_assets or account is None else theirs
    statement = select(Sensor).join(GenericAsset).where(belong).order_by(Sensor.id)
    if sensor_id_allowlist is not None:
        statement = statement.where(Sensor.id.in_(sensor_id_allowlist))
    if sensor_name_allowlist is not None:
        statement = statement.where(Sensor.name.in_(sensor_name_allowlist))
    return list(db.session.scalars(statement))


def create_sensor(generic_asset: GenericAsset, **fields: Any) -> Sensor:
    """Add a sensor to an asset.

    fields : name, unit, timezone, event_resolution (timedelta), attributes
    Raises SensorRefused if the name is taken on that asset, or the asset is gone.
    """
    with explaining(_refusals(fields["name"], generic_asset.id)):
        sensor = Sensor(generic_asset_id=generic_asset.id, **fields)
        db.session.add(sensor)
        db.session.flush()
    return sensor


def change_sensor(sensor: Sensor, **changes: Any) -> None:
    """Change a sensor; attributes are replaced as a whole.

    changes : as the fields of `create_sensor`

    Raises
    ------
    SensorRefused : the name is taken, or stored beliefs would mean something else
    SensorGone : there is no such sensor any more
    """
    new_meaning = [name for name in _MEANING if name in changes]
    locked = select(Sensor.id).where(Sensor.id == sensor.id)
    # For another meaning the lock is one that also waits for, and holds up, who stores beliefs.
    locked = locked.with_for_update(key_share=not new_meaning)
    if db.session.scalar(locked) is None:
        raise SensorGone()
    db.session.refresh(sensor)
    altered = [name for name in new_meaning if not _means_the_same(sensor, name, changes[name])]
    if altered and _has_beliefs(sensor):
        raise SensorRefused(altered[0], _would_be_misread(sensor, altered[0]))
    with explaining(_refusals(changes.get("name", sensor.name), sensor.generic_asset_id)):
        for name, value in changes.items():
            setattr(sensor, name, value)
        db.session.flush()


def _means_the_same(sensor: Sensor, name: str, new: Any) -> bool:
    """Is this no change, or one of spelling only, as from m3/h to m³/h?"""
    old = getattr(sensor, name)
    if name != "unit" or old == new:
        return bool(old == new)
    try:
        return parse_unit(old) == parse_unit(new)
    except ValueError:  # older sensors may have units that are none
        return False


def _has_beliefs(sensor: Sensor) -> bool:
    return bool(db.session.scalar(select(exists().where(TimedBelief.sensor_id == sensor.id))))


def _would_be_misread(sensor: Sensor, name: str) -> str:
    kept = f"in {sensor.unit}" if name == "unit" else f"of events of {sensor.event_resolution}"
    return (
        f"This sensor has data {kept}, which would be misread. Delete its data first, or add"
        " another sensor."
    )


def _refusals(name: str, asset_id: int) -> dict[str, Exception]:
    """Why the database may refuse a sensor, by constraint."""
    return {
        "sensor_name_generic_asset_id_key": SensorRefused(
            "name", f"A sensor with the name {name} already exists in the asset with id {asset_id}."
        ),
        "sensor_generic_asset_id_generic_asset_fkey": SensorRefused(
            "generic_asset_id", f"No asset found with id {asset_id}."
        ),
    }
