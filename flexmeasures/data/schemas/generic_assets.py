"""Assets and their types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate, validates, validates_schema

from flexmeasures.data.schemas.ids import ModelIdField, missing_ids
from flexmeasures.data.schemas.locations import LatitudeField, LongitudeField
from flexmeasures.data.schemas.utils import FMValidationError

if TYPE_CHECKING:
    from sqlalchemy.orm.interfaces import ORMOption

    from flexmeasures.data.config import Model


class GenericAssetIdField(ModelIdField):
    """The id of an asset; becomes the asset, with its type."""

    noun = "asset"

    def look_up(self) -> tuple[type[Model], list[ORMOption]]:
        from sqlalchemy.orm import joinedload

        from flexmeasures.data.models.generic_assets import GenericAsset

        return GenericAsset, [joinedload(GenericAsset.generic_asset_type)]


class JSON(fields.Field[Any]):
    """JSON as a text within JSON: a text goes in (or what it stands for), and a text comes out."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        try:
            # what is JSON already takes the same way, so that NaN is refused there, too
            text = value if isinstance(value, str) else json.dumps(value)
            return json.loads(text, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise FMValidationError("Not a valid JSON string.") from error

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str:
        return json.dumps(value)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


class GenericAssetTypeSchema(Schema):
    id = fields.Integer(dump_only=True)
    name = fields.String(required=True, validate=validate.Length(max=80))
    description = fields.String(allow_none=True, validate=validate.Length(max=80))


class GenericAssetSchema(Schema):
    """An asset; without an account it is public."""

    id = fields.Integer(dump_only=True)
    name = fields.String(required=True, validate=validate.Length(max=80))
    account_id = fields.Integer()
    latitude = LatitudeField(allow_none=True)
    longitude = LongitudeField(allow_none=True)
    generic_asset_type_id = fields.Integer(required=True)
    attributes = JSON()

    @validates("generic_asset_type_id")
    def validate_generic_asset_type(self, generic_asset_type_id: int, data_key: str) -> None:
        from flexmeasures.data.models.generic_assets import GenericAssetType

        if missing_ids(GenericAssetType, [generic_asset_type_id]):
            raise FMValidationError(
                f"GenericAssetType with id {generic_asset_type_id} doesn't exist."
            )

    @validates("account_id")
    def validate_account(self, account_id: int, data_key: str) -> None:
        from flexmeasures.data.models.user import Account

        if missing_ids(Account, [account_id]):
            raise FMValidationError(f"Account with Id {account_id} doesn't exist.")

    @validates("attributes")
    def validate_attributes(self, attributes: Any, data_key: str) -> None:
        if not isinstance(attributes, dict):
            raise FMValidationError("Attributes should be a dict.")
        if "sensors_to_show" in attributes:
            _validate_sensors_to_show(attributes["sensors_to_show"])

    @validates_schema
    def validate_name_is_unique_in_account(self, data: dict[str, Any], **kwargs: Any) -> None:
        from sqlalchemy import select

        from flexmeasures.data.config import db
        from flexmeasures.data.models.generic_assets import GenericAsset

        if "name" not in data or "account_id" not in data:
            return
        name = data["name"]
        same = select(GenericAsset.id).filter_by(name=name, account_id=data["account_id"])
        if db.session.scalars(same.limit(1)).first() is not None:
            raise FMValidationError(
                f"An asset with the name {name} already exists in this account.", "name"
            )


def _validate_sensors_to_show(sensors_to_show: Any) -> None:
    """Ids of sensors, in lists of one level at most, for example [3, [2, 4]]."""
    from flexmeasures.data.models.time_series import Sensor

    if not isinstance(sensors_to_show, list):
        raise FMValidationError("sensors_to_show should be a list.")
    ids = [id_ for item in sensors_to_show for id_ in (item if isinstance(item, list) else [item])]
    if not all(type(id_) is int for id_ in ids):  # a bool is an int to isinstance
        raise FMValidationError(
            "sensors_to_show should only contain sensor IDs (integers) or lists thereof."
        )
    for id_ in missing_ids(Sensor, ids):
        raise FMValidationError(f"No sensor found with id {id_}.")
