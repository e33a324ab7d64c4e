"""Accounts, to read. The command line makes, changes and deletes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_security import current_user
from marshmallow import fields
from marshmallow.validate import Length
from sqlalchemy.orm import selectinload

from flexmeasures.api.common.describe import answers
from flexmeasures.api.common.listing import ListingQuery, listing, paged, sort_by_field
from flexmeasures.api.common.parsing import from_path, use_args
from flexmeasures.api.common.responses import with_status
from flexmeasures.auth.decorators import auth_required, permission_required_for_context
from flexmeasures.data.models.user import Account, AccountRole
from flexmeasures.data.queries.access import readable
from flexmeasures.data.queries.listing import matches_any, ordered
from flexmeasures.data.queries.users import (
    NUMBER_OF_ASSETS,
    NUMBER_OF_USERS,
    accounts_with_roles,
)
from flexmeasures.data.schemas.account import AccountOnPageSchema, AccountSchema
from flexmeasures.data.schemas.texts import storable

accounts = Blueprint("accounts", __name__, url_prefix="/accounts")
_schema = AccountSchema()
_items = AccountSchema(many=True)
_SORTABLE = {
    "id": Account.id,
    "name": Account.name,
    "assets": NUMBER_OF_ASSETS,
    "users": NUMBER_OF_USERS,
}


class ListQuery(ListingQuery):
    role = fields.String(
        load_default=None,
        validate=[Length(max=80), storable],
        metadata={"description": "Accounts with this account role.", "example": "Prosumer"},
    )
    sort_by = sort_by_field(list(_SORTABLE))


@accounts.get("")
@answers(200, paged(AccountOnPageSchema()), "The accounts")
@auth_required()
@use_args(ListQuery, location="query")
def index(query: dict[str, Any]) -> ResponseReturnValue:
    """All accounts for those who may read everything; for others their own.

    A page is answered if one is asked for; otherwise everything, as a bare list. Filters look at
    names; one of the words has to match.

    .. :quickref: Account; Download account list
    """
    statement = accounts_with_roles().where(readable(current_user, Account.id))
    if query["role"] is not None:
        statement = statement.where(Account.account_roles.any(AccountRole.name == query["role"]))
    statement = ordered(
        statement, _SORTABLE, query["sort_by"], query["sort_dir"], otherwise=Account.name
    )
    criterion = matches_any(query["filter"], [Account.name]) if query["filter"] else None
    if query["page"] is None:
        return listing(statement, _items.dump, criterion=criterion)
    return listing(
        statement.add_columns(NUMBER_OF_USERS, NUMBER_OF_ASSETS),
        _on_page,
        criterion=criterion,
        page=query["page"],
        per_page=query["per_page"],
        scalars=False,
    )


def _on_page(rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        _schema.dump(account) | {"user_count": users, "asset_count": assets}
        for account, users, assets in rows
    ]


@accounts.get("/<id:id>")
@answers(200, _schema, "The account", repeats_status=True)
@auth_required()
@from_path("account", Account, selectinload(Account.account_roles))
@permission_required_for_context("read", arg_name="account")
def get(account: Account) -> ResponseReturnValue:
    """One account.

    .. :quickref: Account; Get an account
    """
    return with_status(_schema.dump(account))
