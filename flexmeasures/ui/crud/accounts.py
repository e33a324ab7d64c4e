"""Pages about accounts: of all, for those who may read everything; of their own, for others."""

from __future__ import annotations

from typing import Any, cast

from flask import Flask
from flask.typing import ResponseReturnValue
from flask_security import current_user, login_required
from sqlalchemy.orm import selectinload

from flexmeasures.auth.policy import check_access
from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.user import Account
from flexmeasures.data.queries.access import readable
from flexmeasures.data.queries.assets import assets_with
from flexmeasures.data.queries.users import (
    NUMBER_OF_ACTIVE_USERS,
    NUMBER_OF_ASSETS,
    accounts_with_roles,
)
from flexmeasures.data.schemas.account import AccountSchema
from flexmeasures.ui.crud.users import inactive_are_asked_for, may_open, users_of_account_listed
from flexmeasures.ui.listing import Listing, listing
from flexmeasures.ui.utils.objects import find_or_404
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template

_COLUMNS = {
    "name": Account.name,
    "id": Account.id,
    "assets": NUMBER_OF_ASSETS,
    "users": NUMBER_OF_ACTIVE_USERS,
}
_WITH_ROLES = selectinload(Account.account_roles)


class AccountCrudUI:
    @login_required
    def index(self) -> ResponseReturnValue:
        statement = accounts_with_roles().where(readable(current_user, Account.id))
        accounts = listing(
            statement.add_columns(NUMBER_OF_ASSETS, NUMBER_OF_ACTIVE_USERS),
            columns=_COLUMNS,
            texts=[Account.name],
            id_column=Account.id,
            sort_by="name",
            scalars=False,
        )
        return render_flexmeasures_template("crud/accounts.html", accounts=accounts)

    @login_required
    def get(self, account_id: int) -> ResponseReturnValue:
        account = _find(account_id)
        with_inactive = inactive_are_asked_for()
        return render_flexmeasures_template(
            "crud/account.html",
            account=account,
            roles=", ".join(role.name for role in account.account_roles),
            users=users_of_account_listed(account, with_inactive, prefix="users-"),
            include_inactive=with_inactive,
            may_open=may_open,
            assets=_assets_listed(account),
        )


def register_at(app: Flask) -> None:
    pages = AccountCrudUI()
    app.add_url_rule("/accounts", "AccountCrudUI:index", pages.index)
    app.add_url_rule("/accounts/<id:account_id>", "AccountCrudUI:get", pages.get)


def get_accounts() -> list[dict[str, Any]]:
    """What the current user may read, by name, in the form that the API gives."""
    statement = accounts_with_roles().where(readable(current_user, Account.id))
    accounts = db.session.scalars(statement.order_by(Account.name)).all()
    return cast("list[dict[str, Any]]", AccountSchema(many=True).dump(accounts))


def get_account(account_id: int) -> dict[str, Any]:
    """One account in that form. Raises Forbidden and NotFound."""
    return cast("dict[str, Any]", AccountSchema().dump(_find(int(account_id))))


def _find(account_id: int) -> Account:
    account = find_or_404(Account, account_id, _WITH_ROLES)
    check_access(account, "read")
    return account


def _assets_listed(account: Account) -> Listing:
    """Its assets, and public ones."""
    shown = {"owner", "generic_asset_type", "sensors"}
    of_account = (GenericAsset.account_id == account.id) | GenericAsset.account_id.is_(None)
    return listing(
        assets_with(shown, current_user).where(of_account),
        columns={"name": GenericAsset.name, "id": GenericAsset.id, "account": Account.name},
        texts=[GenericAsset.name, Account.name],
        id_column=GenericAsset.id,
        # what is the account's own comes first
        sort_by="account",
        prefix="assets-",
    )
