"""Users: read, change, and give new passwords. The command line makes and deletes them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from flask_security import current_user
from marshmallow import Schema, fields
from sqlalchemy.orm import selectinload
from werkzeug.exceptions import Forbidden

from flexmeasures.api.common.parsing import from_path, use_args, use_kwargs
from flexmeasures.api.common.responses import unprocessable_entity, with_status
from flexmeasures.auth.acl import ADMIN_ROLE, SERVER_WIDE_ROLES
from flexmeasures.auth.decorators import auth_required, permission_required_for_context
from flexmeasures.auth.reset import reset_password_of
from flexmeasures.data.config import db
from flexmeasures.data.models.user import Account, Role, User
from flexmeasures.data.schemas.account import AccountIdField
from flexmeasures.data.schemas.users import UserSchema
from flexmeasures.data.services.users import (
    InvalidFlexMeasuresUser,
    change_user,
    users_of_account,
)
from flexmeasures.data.services.utils import InvalidText

users = Blueprint("users", __name__, url_prefix="/users")
_schema = UserSchema()
_ROLES = selectinload(User.flexmeasures_roles)


class ListQuery(Schema):
    account = AccountIdField(data_key="account_id", load_default=lambda: current_user.account)
    include_inactive = fields.Boolean(load_default=False)


@users.get("")
@auth_required()
@use_kwargs(ListQuery, location="query")
@permission_required_for_context("read", arg_name="account")
def index(account: Account, include_inactive: bool) -> ResponseReturnValue:
    """Users of an account, by default those of the own account who are active.

    .. :quickref: User; Download user list
    """
    found = users_of_account(account, only_active=not include_inactive)
    return jsonify(_schema.dump(found, many=True))


@users.get("/<id>")
@auth_required()
@from_path("user", User, _ROLES)
@permission_required_for_context("read", arg_name="user")
def get(user: User) -> ResponseReturnValue:
    """One user.

    .. :quickref: User; Get a user
    """
    return with_status(_schema.dump(user))


@users.patch("/<id>")
@auth_required()
@use_args(UserSchema(partial=True), location="json")
@from_path("user", User, _ROLES)
@permission_required_for_context("update", arg_name="user")
def patch(changes: dict[str, Any], user: User) -> ResponseReturnValue:
    """Change a user: email, username, active, timezone, flexmeasures_roles.

    Nobody decides on the own activation and roles, and only admins on roles that reach beyond an
    account.

    .. :quickref: User; Patch data for an existing user
    """
    _check_changes(user, changes)
    try:
        change_user(user, **changes)
    except InvalidText as error:
        return unprocessable_entity({"json": {"username": [str(error)]}})
    except InvalidFlexMeasuresUser as error:
        return with_status({"message": "Duplicate user already exists", "detail": str(error)}, 400)
    db.session.commit()
    return with_status(_schema.dump(user))


@users.patch("/<id>/password-reset")
@auth_required()
@from_path("user", User, _ROLES)
@permission_required_for_context("update", arg_name="user")
def reset_password(user: User) -> ResponseReturnValue:
    """Replace the password by a random one, end all sessions and tokens, and mail a link.

    .. :quickref: User; Password reset
    """
    reset_password_of(user)
    db.session.commit()
    return with_status({})


def _check_changes(user: User, changes: dict[str, Any]) -> None:
    """Raise Forbidden for what takes somebody else to do."""
    if user.id == current_user.id and changes.keys() & {"active", "flexmeasures_roles"}:
        raise Forbidden("Nobody may decide on the own activation and roles.")
    if current_user.has_role(ADMIN_ROLE):
        return
    before: list[Role] = user.flexmeasures_roles
    after: list[Role] = changes.get("flexmeasures_roles", before)
    if any(role.name in SERVER_WIDE_ROLES for role in set(before) ^ set(after)):
        raise Forbidden("Only admins decide on roles that reach beyond an account.")
