"""Accounts, to read. The command line makes, changes and deletes them."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from flask_security import current_user
from sqlalchemy.orm import selectinload

from flexmeasures.api.common.parsing import from_path
from flexmeasures.api.common.responses import with_status
from flexmeasures.auth.decorators import auth_required, permission_required_for_context
from flexmeasures.auth.policy import user_has_admin_access
from flexmeasures.data.models.user import Account
from flexmeasures.data.schemas.account import AccountSchema
from flexmeasures.data.services.accounts import get_accounts

accounts = Blueprint("accounts", __name__, url_prefix="/accounts")
_schema = AccountSchema()


@accounts.get("")
@auth_required()
def index() -> ResponseReturnValue:
    """All accounts for those who may read everything; for others their own.

    .. :quickref: Account; Download account list
    """
    own = [current_user.account]
    visible = get_accounts() if user_has_admin_access(current_user, "read") else own
    return jsonify(_schema.dump(visible, many=True))


@accounts.get("/<id>")
@auth_required()
@from_path("account", Account, selectinload(Account.account_roles))
@permission_required_for_context("read", arg_name="account")
def get(account: Account) -> ResponseReturnValue:
    """One account.

    .. :quickref: Account; Get an account
    """
    return with_status(_schema.dump(account))
