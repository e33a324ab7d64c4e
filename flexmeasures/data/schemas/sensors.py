"""Sensors."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate, validates

from flexmeasures.data.schemas.alert_rules import check_rules
from flexmeasures.data.schemas.generic_assets import GenericAssetIdField
from flexmeasures.data.schemas.ids import ModelIdField, missing_ids
from flexmeasures.data.schemas.texts import JSON, one_line
from flexmeasures.data.schemas.times import IsoResolutionField, ResolutionField, validate_timezone
from flexmeasures.data.schemas.utils import FMValidationError
from flexmeasures.utils import ask_app
from flexmeasures.utils.unit_utils import is_valid_unit

if TYPE_CHECKING:
    from sqlalchemy.orm.interfaces import ORMOption

    from flexmeasures.data.config import Model

_LONGEST_RESOLUTION = timedelta(days=36_500)
_JSON_TEXT = json.dumps({"consumption_is_positive": True})


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

    name = fields.String(
        required=True,
        validate=[validate.Length(min=1, max=120), one_line],
        metadata={"description": "Unique among the sensors of an asset.", "example": "charge"},
    )
    unit = fields.String(
        required=True,
        validate=validate.Length(max=80),
        metadata={"description": "The unit of its values.", "example": "kW"},
    )
    timezone = fields.String(
        required=True,
        validate=[validate.Length(max=80), validate_timezone],
        metadata={"description": "The IANA name of a timezone.", "example": "Europe/Lisbon"},
    )
    event_resolution = ResolutionField(
        required=True,
        metadata={
            "description": "How long its events are: an ISO 8601 duration, or a number of minutes;"
            " 0 for instants.",
            "format": "duration",
            "minimum": 0,
            "example": "PT15M",
        },
    )
    entity_address = fields.String(
        dump_only=True, metadata={"example": "ea1.2026-01.org.example:fm1.7"}
    )

    @validates("unit")
    def validate_unit(self, unit: str, data_key: str) -> None:
        if unit != unit.strip() or not is_valid_unit(unit):
            raise FMValidationError(f"Unit '{unit}' cannot be handled.")


class SensorSchema(SensorSchemaMixin):
    """A sensor of an asset, as it is listed: its resolution is a whole number of minutes."""

    id = fields.Integer(dump_only=True, metadata={"example": 7})
    generic_asset_id = fields.Integer(
        required=True, metadata={"description": "The asset that has it.", "example": 4}
    )
    attributes = JSON(
        dump_only=True,
        metadata={"type": "string", "description": "JSON, as a text.", "example": _JSON_TEXT},
    )

    @validates("generic_asset_id")
    def validate_generic_asset(self, generic_asset_id: int, data_key: str) -> None:
        from flexmeasures.data.models.generic_assets import GenericAsset

        if missing_ids(GenericAsset, [generic_asset_id]):
            raise FMValidationError(f"Generic asset with id {generic_asset_id} doesn't exist.")


class SensorAnswerSchema(SensorSchema):
    """A sensor as it is answered by itself: its resolution is an ISO 8601 duration."""

    event_resolution = IsoResolutionField(
        metadata={"type": "string", "format": "duration", "example": "PT15M"}
    )


class NewSensorSchema(SensorSchemaMixin):
    """A sensor as it is sent; without a timezone, it has that of the server."""

    timezone = fields.String(
        load_default=lambda: ask_app.setting("FLEXMEASURES_TIMEZONE"),
        validate=[validate.Length(max=80), validate_timezone],
        metadata={
            "description": "The IANA name of a timezone; the server's if left out.",
            "example": "Europe/Lisbon",
        },
    )
    generic_asset_id = GenericAssetIdField(
        required=True,
        attribute="generic_asset",
        metadata={"description": "The asset that has it.", "example": 4},
    )
    attributes = JSON(
        metadata={
            "description": "More about the sensor: JSON, or a text of it. Replaces all attributes.",
            "oneOf": [
                {"type": "string", "contentMediaType": "application/json"},
                {"type": "object"},
            ],
            "example": {"consumption_is_positive": True},
        }
    )

    @validates("event_resolution")
    def validate_event_resolution(self, resolution: timedelta, data_key: str) -> None:
        # In listings, and on the command line, resolutions are numbers of minutes.
        if resolution % timedelta(minutes=1):
            raise FMValidationError("A resolution is a whole number of minutes.")
        if resolution > _LONGEST_RESOLUTION:
            raise FMValidationError("A resolution is 100 years at most.")

    @validates("attributes")
    def validate_attributes(self, attributes: Any, data_key: str) -> None:
        if not isinstance(attributes, dict):
            raise FMValidationError("Attributes should be a dict.")
        check_rules(attributes)
