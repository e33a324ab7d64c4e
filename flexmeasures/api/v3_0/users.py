"""Users: read, change, and give new passwords. The command line makes and deletes them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_security import current_user
from sqlalchemy import ColumnElement
from sqlalchemy.orm import selectinload
from werkzeug.exceptions import Forbidden

from flexmeasures.api.common.describe import answers
from flexmeasures.api.common.listing import ListingQuery, listing, paged, sort_by_field
from flexmeasures.api.common.parsing import from_path, use_args
from flexmeasures.api.common.responses import unprocessable_entity, with_status
from flexmeasures.auth.acl import ADMIN_ROLE, SERVER_WIDE_ROLES
from flexmeasures.auth.decorators import auth_required, permission_required_for_context
from flexmeasures.auth.policy import check_access
from flexmeasures.auth.reset import reset_password_of
from flexmeasures.data.config import db
from flexmeasures.data.models.user import Account, Role, User
from flexmeasures.data.queries.access import readable
from flexmeasures.data.queries.listing import matches_all, ordered
from flexmeasures.data.queries.users import users_with_accounts
from flexmeasures.data.schemas.account import AccountIdField
from flexmeasures.data.schemas.users import ListedUserSchema, UserSchema
from flexmeasures.data.schemas.utils import BooleanField
from flexmeasures.data.services.users import InvalidFlexMeasuresUser, change_user
from flexmeasures.data.services.utils import InvalidText

users = Blueprint("users", __name__, url_prefix="/users")
_schema = UserSchema()
_ROLES = selectinload(User.flexmeasures_roles)


_SORTABLE = {
    "username": User.username,
    "email": User.email,
    "lastLogin": User.last_login_at,
    "lastSeen": User.last_seen_at,
}


class ListQuery(ListingQuery):
    account = AccountIdField(
        data_key="account_id",
        load_default=None,
        metadata={"aliases": ["account"], "description": "Users of this account only."},
    )
    all_accessible = BooleanField(
        load_default=False,
        metadata={"description": "Users of all accounts that one may read."},
    )
    include_inactive = BooleanField(
        load_default=False, metadata={"description": "Also users who are not active."}
    )
    sort_by = sort_by_field(list(_SORTABLE))


@users.get("")
@answers(200, paged(ListedUserSchema()), "The users")
@auth_required()
@use_args(ListQuery, location="query")
def index(query: dict[str, Any]) -> ResponseReturnValue:
    """Users of an account, by default those of the own account who are active.

    A page is answered if one is asked for; otherwise everything, as a bare list. Without an
    account, pages are of users of all accounts that one may read. Filters look at usernames,
    addresses, and names of accounts; all words have to match.

    .. :quickref: User; Download user list
    """
    everywhere = query["all_accessible"] or query["page"] is not None
    statement = users_with_accounts().where(_account_asked_for(query["account"], everywhere))
    if not query["include_inactive"]:
        statement = statement.where(User.active)
    texts = [User.username, User.email, Account.name]
    schema = ListedUserSchema if everywhere else UserSchema
    return listing(
        ordered(statement, _SORTABLE, query["sort_by"], query["sort_dir"], otherwise=User.id),
        schema(many=True).dump,
        criterion=matches_all(query["filter"], texts) if query["filter"] else None,
        page=query["page"],
        per_page=query["per_page"],
    )


def _account_asked_for(account: Account | None, everywhere: bool) -> ColumnElement[bool]:
    """Of users of these accounts a listing is. Raises Forbidden for accounts of others."""
    if account is None and everywhere:
        return readable(current_user, User.account_id)
    account = account or current_user.account
    check_access(account, "read")
    return User.account_id == account.id


@users.get("/<id:id>")
@answers(200, _schema, "The user", repeats_status=True)
@auth_required()
@from_path("user", User, _ROLES)
@permission_required_for_context("read", arg_name="user")
def get(user: User) -> ResponseReturnValue:
    """One user.

    .. :quickref: User; Get a user
    """
    return with_status(_schema.dump(user))


@users.patch("/<id:id>")
@answers(200, _schema, "The changed user", repeats_status=True)
@answers(400, None, "The address or the name is somebody else's")
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


@users.patch("/<id:id>/password-reset")
@answers(200, {"type": "object"}, "Mail is under way", repeats_status=True)
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
