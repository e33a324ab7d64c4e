"""Pages about users: who there is, and what admins change.

Everybody sees who belongs to the own account. The page of a user is for those who may change the
user (admins, account-admins, and the user) and for those who may read everything.
"""

from __future__ import annotations

from typing import cast

from flask import Flask, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user, login_required
from flask_security.utils import logout_user
from sqlalchemy import Select
from sqlalchemy.orm import joinedload, selectinload
from werkzeug.exceptions import Forbidden

from flexmeasures.auth.error_handling import unauthorized_handler
from flexmeasures.auth.policy import (
    check_access,
    user_has_admin_access,
    user_matches_principals,
)
from flexmeasures.auth.reset import reset_password_of
from flexmeasures.data.config import db
from flexmeasures.data.models.user import Account, User
from flexmeasures.data.queries.access import readable
from flexmeasures.data.queries.users import users_with_accounts
from flexmeasures.data.services.accounts import get_number_of_assets_in_account
from flexmeasures.data.services.users import change_user
from flexmeasures.ui.listing import Listing, listing
from flexmeasures.ui.utils.objects import find_or_404
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template

_COLUMNS = {
    "username": User.username,
    "email": User.email,
    "account": Account.name,
    "timezone": User.timezone,
    "last-login": User.last_login_at,
    "last-seen": User.last_seen_at,
    "active": User.active,
}


class UserCrudUI:
    @login_required
    def index(self) -> ResponseReturnValue:
        with_inactive = inactive_are_asked_for()
        statement = users_with_accounts().where(readable(current_user, User.account_id))
        return render_flexmeasures_template(
            "crud/users.html",
            users=users_listed(statement, with_inactive),
            include_inactive=with_inactive,
            may_open=may_open,
        )

    @login_required
    def get(self, id: int) -> ResponseReturnValue:
        user = _find(id)
        check_access(user, _permission_to_open())
        return render_flexmeasures_template(
            "crud/user.html",
            user=user,
            roles=", ".join(role.name for role in user.flexmeasures_roles),
            number_of_assets=get_number_of_assets_in_account(user.account_id),
            may_change=_may_change(user),
            is_oneself=user.id == current_user.id,
        )

    def toggle_active(self, id: int) -> ResponseReturnValue:
        """Ask whether to activate or deactivate the user; and do it, when that is posted."""
        if request.method == "GET" and not current_user.is_authenticated:
            return cast(ResponseReturnValue, unauthorized_handler())  # as documented
        return self._toggle_active(id)

    @login_required
    def _toggle_active(self, id: int) -> ResponseReturnValue:
        user = _find(id)
        check_access(user, "update")
        if user.id == current_user.id:
            raise Forbidden("Nobody may decide on the own activation.")
        if request.method == "GET":
            return render_flexmeasures_template("crud/user_toggle_active.html", user=user)
        # The form says what is wanted: sending it twice does not undo it.
        active = {"true": True, "false": False}.get(request.form.get("active", ""), not user.active)
        change_user(user, active=active)
        db.session.commit()
        flash(f"User {user.username}'s new activation status is now {user.active}.")
        return redirect(url_for("UserCrudUI:get", id=user.id), 303)

    @login_required
    def reset_password_for(self, id: int) -> ResponseReturnValue:
        """Ask whether to do away with the password of the user; and do it, when that is posted."""
        user = _find(id)
        check_access(user, "update")
        is_oneself = user.id == current_user.id
        if request.method == "GET":
            return render_flexmeasures_template(
                "crud/user_reset_password.html", user=user, is_oneself=is_oneself
            )
        email, username = user.email, user.username
        reset_password_of(user)
        db.session.commit()
        if is_oneself:
            logout_user()  # that is: also without the session that has just ended
        flash(
            f"{username}'s password has been changed to a random password. Instructions on how to"
            f" choose a new one were sent to {email}. Cookies and API access tokens of"
            f" {username} are no longer valid."
        )
        page = url_for("security.login") if is_oneself else url_for("UserCrudUI:get", id=id)
        return redirect(page, 303)


def register_at(app: Flask) -> None:
    pages = UserCrudUI()
    for path, view, methods in (
        ("/users", pages.index, ["GET"]),
        ("/users/<id:id>", pages.get, ["GET"]),
        ("/users/toggle_active/<id:id>", pages.toggle_active, ["GET", "POST"]),
        ("/users/reset_password_for/<id:id>", pages.reset_password_for, ["GET", "POST"]),
    ):
        app.add_url_rule(path, f"UserCrudUI:{view.__name__}", view, methods=methods)


def get_users_by_account(account_id: int, include_inactive: bool = False) -> list[User]:
    """Users of an account by name, with their roles. Raises Forbidden for accounts of others."""
    account = find_or_404(Account, int(account_id))
    check_access(account, "read")
    statement = _of_account(account, include_inactive).order_by(User.username)
    return list(db.session.scalars(statement))


def users_listed(statement: Select[User], include_inactive: bool, prefix: str = "") -> Listing:
    """The part of a table of users that the request asks for."""
    if not include_inactive:
        statement = statement.where(User.active)
    return listing(
        statement,
        columns=_COLUMNS,
        texts=[User.username, User.email, Account.name],
        id_column=User.id,
        sort_by="username",
        prefix=prefix,
    )


def users_of_account_listed(account: Account, include_inactive: bool, prefix: str) -> Listing:
    return users_listed(_of_account(account, include_inactive), include_inactive, prefix)


def inactive_are_asked_for() -> bool:
    return request.args.get("include_inactive", "0") != "0"


def may_open(user: User) -> bool:
    """Is the page of this user open to who asks?"""
    return user_has_admin_access(current_user, "read") or _may_change(user)


def _permission_to_open() -> str:
    return "read" if user_has_admin_access(current_user, "read") else "update"


def _may_change(user: User) -> bool:
    return user_has_admin_access(current_user, "update") or user_matches_principals(
        current_user, user.__acl__()["update"]
    )


def _of_account(account: Account, include_inactive: bool) -> Select[User]:
    statement = users_with_accounts().where(User.account_id == account.id)
    return statement if include_inactive else statement.where(User.active)


def _find(id: int) -> User:
    return find_or_404(User, id, joinedload(User.account), selectinload(User.flexmeasures_roles))
