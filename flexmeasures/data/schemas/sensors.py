"""Sensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marshmallow import Schema, fields, validate, validates

from flexmeasures.data.schemas.ids import ModelIdField, missing_ids
from flexmeasures.data.schemas.times import ResolutionField, validate_timezone
from flexmeasures.data.schemas.utils import FMValidationError
from flexmeasures.utils.unit_utils import is_valid_unit

if TYPE_CHECKING:
    from sqlalchemy.orm.interfaces import ORMOption

    from flexmeasures.data.config import Model


class SensorIdField(ModelIdField):
    """The id of a sensor; becomes the sensor, with its asset and asset type."""

    noun = "sensor"

    def look_up(self) -> tuple[type[Model], list[ORMOption]]:
        from sqlalchemy.orm import joinedload

        from flexmeasures.data.models.generic_assets import GenericAsset
        from flexmeasures.data.models.time_series import Sensor

        asset = joinedload(Sensor.generic_asset)
        return Sensor, [asset.joinedload(GenericAsset.generic_asset_type)]


class SensorSchemaMixin(Schema):
    """What a sensor is, apart from whose it is; for schemas of things that are sensors, too."""

    name = fields.String(required=True, validate=validate.Length(min=1, max=120))
    unit = fields.String(required=True, validate=validate.Length(max=80))
    timezone = fields.String(required=True, validate=validate_timezone)
    event_resolution = ResolutionField(required=True)
    entity_address = fields.String(dump_only=True)

    @validates("unit")
    def validate_unit(self, unit: str, data_key: str) -> None:
        if not is_valid_unit(unit):
            raise FMValidationError(f"Unit '{unit}' cannot be handled.")


class SensorSchema(SensorSchemaMixin):
    """A sensor of an asset."""

    generic_asset_id = fields.Integer(required=True)

    @validates("generic_asset_id")
    def validate_generic_asset(self, generic_asset_id: int, data_key: str) -> None:
        from flexmeasures.data.models.generic_assets import GenericAsset

        if missing_ids(GenericAsset, [generic_asset_id]):
            raise FMValidationError(f"Generic asset with id {generic_asset_id} doesn't exist.")
