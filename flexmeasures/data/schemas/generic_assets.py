"""Assets and their types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, post_load, validate, validates

from flexmeasures.data.schemas.ids import ModelIdField, PlainIdField, missing_ids
from flexmeasures.data.schemas.locations import LatitudeField, LongitudeField
from flexmeasures.data.schemas.sensors_to_show import check_sensors_to_show
from flexmeasures.data.schemas.texts import JSON, one_line, storable
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


class GenericAssetTypeIdField(ModelIdField):
    """The id of an asset type; becomes the type."""

    noun = "asset type"

    def look_up(self) -> tuple[type[Model], list[ORMOption]]:
        from flexmeasures.data.models.generic_assets import GenericAssetType

        return GenericAssetType, []


class ShownSensorsField(JSON):
    """What charts show. It is stored among the attributes, and by itself leaves as JSON text."""

    def get_value(self, obj: Any, attr: str, accessor: Any = None, default: Any = None) -> Any:
        return obj.attributes.get("sensors_to_show", [])


class GenericAssetTypeSchema(Schema):
    id = fields.Integer(dump_only=True)
    name = fields.String(
        required=True,
        validate=[validate.Length(max=80), one_line],
        metadata={"example": "battery"},
    )
    description = fields.String(
        allow_none=True,
        validate=[validate.Length(max=80), storable],
        metadata={"example": "stationary battery"},
    )


_JSON_TEXT = {"type": "string", "example": json.dumps({"capacity_in_mw": 0.5})}
_JSON_TEXT_OR_OBJECT = {
    "oneOf": [{"type": "string", "contentMediaType": "application/json"}, {"type": "object"}],
    "example": {"capacity_in_mw": 0.5},
}
_JSON_TEXT_OR_LIST = {
    "oneOf": [{"type": "string", "contentMediaType": "application/json"}, {"type": "array"}],
    "example": [3, [4, 5], {"title": "Power", "sensors": [6, 7]}],
}
_FLEX_MODEL = {"soc-max": "40 kWh", "power-capacity": "10 kW"}
_FLEX_CONTEXT = {"site-power-capacity": "17 kVA"}
_NAME: dict[str, Any] = {
    "validate": [validate.Length(max=80), one_line],
    "metadata": {
        "description": "Unique among the children of a parent, and at the top of an account.",
        "example": "Home battery",
    },
}
_TYPE_ID: dict[str, Any] = {"metadata": {"description": "What kind of thing it is.", "example": 5}}


class _AssetFields(Schema):
    """What goes in and comes out alike."""

    id = fields.Integer(dump_only=True, metadata={"example": 1})
    name = fields.String(**_NAME)
    generic_asset_type_id = fields.Integer(**_TYPE_ID)
    latitude = LatitudeField(
        allow_none=True,
        metadata={
            "description": "In degrees, north positive; 7 decimals at most.",
            "example": 52.374,
        },
    )
    longitude = LongitudeField(
        allow_none=True,
        metadata={
            "description": "In degrees, east positive; 7 decimals at most.",
            "example": 4.9035,
        },
    )
    description = fields.String(
        allow_none=True,
        validate=[validate.Length(max=10_000), storable],
        metadata={"description": "For people.", "example": "Stands in the garage."},
    )
    external_id = fields.String(
        allow_none=True,
        validate=[validate.Length(max=255), storable],
        metadata={
            "description": "The id of the asset in another system. A blank one clears it.",
            "example": "DE-0815",
        },
    )
    parent_asset_id = PlainIdField(
        allow_none=True,
        metadata={
            "description": "The asset that this one is part of; null at the top.",
            "example": 1,
        },
    )


class GenericAssetSchema(_AssetFields):
    """An asset as it is sent; without an account (its own or its parent's) it is public."""

    name = fields.String(required=True, **_NAME)
    generic_asset_type_id = PlainIdField(required=True, **_TYPE_ID)
    account_id = PlainIdField(
        metadata={
            "description": "The owner. Left out, it is the owner of the parent; without a parent,"
            " the asset is public.",
            "example": 2,
        }
    )
    attributes = JSON(
        metadata={
            "description": "More about the asset: JSON, or a text of it. Replaces all attributes.",
            **_JSON_TEXT_OR_OBJECT,
        }
    )
    sensors_to_show = ShownSensorsField(
        metadata={
            "description": "What charts show: JSON, or a text of it. Stored among the attributes.",
            **_JSON_TEXT_OR_LIST,
        }
    )
    flex_model = JSON(
        metadata={
            "description": "What the asset can do, for schedules of it and of what it is part of:"
            " JSON, or a text of it. Without values of particular times.",
            **_JSON_TEXT_OR_OBJECT,
            "example": _FLEX_MODEL,
        }
    )
    flex_context = JSON(
        metadata={
            "description": "What surrounds the asset, for schedules of it and of its parts: JSON,"
            " or a text of it. Without values of particular times.",
            **_JSON_TEXT_OR_OBJECT,
            "example": _FLEX_CONTEXT,
        }
    )

    @post_load
    def clear_blank_external_id(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        if (data.get("external_id") or "").strip():
            return data
        return {key: None if key == "external_id" else value for key, value in data.items()}

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
            check_sensors_to_show(attributes["sensors_to_show"])

    @validates("sensors_to_show")
    def validate_sensors_to_show(self, sensors_to_show: Any, data_key: str) -> None:
        check_sensors_to_show(sensors_to_show)

    @validates("flex_model")
    def validate_flex_model(self, flex_model: Any, data_key: str) -> None:
        from flexmeasures.data.schemas.flex_config import check_stored_flex_model

        check_stored_flex_model(flex_model)

    @validates("flex_context")
    def validate_flex_context(self, flex_context: Any, data_key: str) -> None:
        from flexmeasures.data.schemas.flex_config import check_stored_flex_context

        check_stored_flex_context(flex_context)


class NamedSchema(Schema):
    """Something by id and name."""

    id = fields.Integer(metadata={"example": 2})
    name = fields.String(metadata={"example": "Orchard Ltd"})


class ChildAssetSchema(NamedSchema):
    account_id = fields.Integer(allow_none=True)
    generic_asset_type = fields.Nested(NamedSchema)


class AssetSchema(_AssetFields):
    """An asset as it is answered, with what is around it; or some fields of that."""

    account_id = fields.Integer(
        allow_none=True, metadata={"description": "The owner; null if public.", "example": 2}
    )
    attributes = JSON(metadata={"description": "JSON, as a text.", **_JSON_TEXT})
    sensors_to_show = ShownSensorsField(
        metadata={
            "description": "What charts show: JSON, as a text.",
            **_JSON_TEXT,
            "example": "[3, [4, 5]]",
        }
    )
    flex_model = JSON(
        metadata={
            "description": "What the asset can do: JSON, as a text.",
            **_JSON_TEXT,
            "example": json.dumps(_FLEX_MODEL),
        }
    )
    flex_context = JSON(
        metadata={
            "description": "What surrounds the asset: JSON, as a text.",
            **_JSON_TEXT,
            "example": json.dumps(_FLEX_CONTEXT),
        }
    )
    owner = fields.Nested(
        NamedSchema, allow_none=True, metadata={"description": "The account; null if public."}
    )
    generic_asset_type = fields.Nested(NamedSchema)
    child_assets = fields.List(
        fields.Nested(ChildAssetSchema),
        metadata={"description": "Its parts, as far as the caller may see them."},
    )
    sensors = fields.List(fields.Nested(NamedSchema))


ASSET_FIELDS = tuple(AssetSchema().fields)


class AssetFieldsField(fields.Field["list[str]"]):
    """Names of fields of assets, with bars between them: `id|name`."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[str]:
        if not isinstance(value, str):
            raise FMValidationError("Not a valid string.")
        names = value.split("|")
        unknown = [name for name in names if name not in ASSET_FIELDS]
        if unknown:
            raise FMValidationError(
                f"Assets have no field '{unknown[0]}'. They have: {', '.join(ASSET_FIELDS)}."
            )
        return names
