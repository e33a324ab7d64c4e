"""Accounts and their roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marshmallow import Schema, fields

from flexmeasures.data.schemas.ids import ModelIdField

if TYPE_CHECKING:
    from sqlalchemy.orm.interfaces import ORMOption

    from flexmeasures.data.config import Model


class AccountIdField(ModelIdField):
    """The id of an account; becomes the account, with its roles."""

    noun = "account"

    def look_up(self) -> tuple[type[Model], list[ORMOption]]:
        from sqlalchemy.orm import joinedload

        from flexmeasures.data.models.user import Account

        return Account, [joinedload(Account.account_roles)]


class AccountRoleSchema(Schema):
    id = fields.Integer(dump_only=True, metadata={"example": 1})
    name = fields.String(required=True, metadata={"example": "Prosumer"})


class AccountSchema(Schema):
    id = fields.Integer(dump_only=True, metadata={"example": 3})
    name = fields.String(required=True, metadata={"example": "Orchard Ltd"})
    account_roles = fields.List(fields.Nested(AccountRoleSchema))


class AccountOnPageSchema(AccountSchema):
    """An account as it is listed by page, with numbers of what it has."""

    user_count = fields.Integer(
        dump_only=True, metadata={"description": "On pages only.", "example": 12}
    )
    asset_count = fields.Integer(
        dump_only=True, metadata={"description": "On pages only.", "example": 40}
    )
