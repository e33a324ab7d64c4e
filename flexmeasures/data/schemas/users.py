"""Users as others see them, and as they are changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from email_validator import EmailNotValidError, validate_email
from marshmallow import Schema, fields, pre_load
from marshmallow.validate import Length

from flexmeasures.data.schemas.generic_assets import NamedSchema
from flexmeasures.data.schemas.ids import ModelIdField
from flexmeasures.data.schemas.times import validate_timezone
from flexmeasures.data.schemas.utils import BoundedList, FMValidationError

if TYPE_CHECKING:
    from sqlalchemy.orm.interfaces import ORMOption

    from flexmeasures.data.config import Model

_NAIVE = {"format": "date-time-local", "example": "2026-03-01T07:00:00"}  # in the OpenAPI registry
_SEEN_AND_NEVER_SET = ("last_login_at", "last_seen_at")


class EmailField(fields.String):
    """An e-mail address, in its usual spelling. Nobody is asked whether it works."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return validate_email(text, check_deliverability=False).normalized
        except EmailNotValidError as error:
            raise FMValidationError(f"Not a valid email address: {error}") from error


class RoleIdField(ModelIdField):
    """The id of a user role; becomes the role."""

    noun = "role"

    def look_up(self) -> tuple[type[Model], list[ORMOption]]:
        from flexmeasures.data.models.user import Role

        return Role, []


class UserSchema(Schema):
    id = fields.Integer(dump_only=True, metadata={"example": 57})
    email = EmailField(validate=Length(max=255), metadata={"example": "ann@orchard.example"})
    username = fields.String(validate=Length(min=1, max=80), metadata={"example": "ann"})
    account_id = fields.Integer(dump_only=True, metadata={"example": 3})
    active = fields.Boolean(
        metadata={
            "type": ["boolean", "integer", "string"],  # 0 and "no", too
            "description": "Who is not, cannot log in.",
            "example": True,
        }
    )
    timezone = fields.String(
        validate=validate_timezone,
        metadata={"description": "The IANA name of a timezone.", "example": "Europe/Lisbon"},
    )
    flexmeasures_roles = BoundedList(
        RoleIdField(),
        validate=Length(max=100),
        metadata={"description": "Ids of roles.", "example": [1]},
    )
    last_login_at = fields.DateTime(
        dump_only=True, allow_none=True, metadata={"description": "In UTC.", **_NAIVE}
    )
    last_seen_at = fields.DateTime(
        dump_only=True, allow_none=True, metadata={"description": "In UTC.", **_NAIVE}
    )

    @pre_load
    def leave_out_bookkeeping(self, data: Any, **kwargs: Any) -> Any:
        """Whoever sends a user back as received means no harm with these."""
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if key not in _SEEN_AND_NEVER_SET}


class ListedUserSchema(UserSchema):
    """A user as one of several accounts."""

    account = fields.Nested(
        NamedSchema,
        dump_only=True,
        metadata={"description": "On pages, and in listings of all accessible accounts."},
    )
