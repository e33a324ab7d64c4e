"""Use cases about users."""

from __future__ import annotations

import secrets
import string
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from email_validator import EmailNotValidError, EmailUndeliverableError, validate_email
from flask import current_app
from flask_security.utils import hash_password
from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload, selectinload
from werkzeug.exceptions import NotFound

from flexmeasures.auth import acl
from flexmeasures.data.config import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.user import Account, AccountRole, Role, RolesUsers, User
from flexmeasures.data.services.data_sources import get_or_create_source
from flexmeasures.data.services.roles import create_role, find_role
from flexmeasures.data.services.utils import InvalidText, check_text

if TYPE_CHECKING:
    from flask_security import PasswordUtil


class InvalidFlexMeasuresUser(Exception):
    """Something about this (future) user is not as it should be."""


def find_user_by_email(user_email: str, keep_in_session: bool = True) -> User | None:
    """The user of an address, in upper or lower case, as when logging in."""
    if not user_email.isprintable():  # no address, and no text for the database
        return None
    user = db.session.scalars(
        select(User).where(_is_email(user_email)).order_by((User.email == user_email).desc())
    ).first()
    if user is not None and not keep_in_session:
        db.session.expunge(user)
    return user


def get_user(id: str | int) -> User:
    """The user with this id. Raises werkzeug's NotFound."""
    user = db.session.get(User, int(id))
    if user is None:
        raise NotFound(f"User {id} not found")
    return user


def get_users(
    account_name: str | None = None,
    role_name: str | None = None,
    account_role_name: str | None = None,
    only_active: bool = True,
) -> list[User]:
    """Users by id, of one account, with a user role, or with an account role of their account.

    A user role that does not exist is not looked at. Raises werkzeug's NotFound if there is no such
    account.
    """
    query = select(User).options(joinedload(User.account), selectinload(User.flexmeasures_roles))
    if account_name is not None:
        account = db.session.scalars(select(Account).filter_by(name=account_name)).one_or_none()
        if account is None:
            raise NotFound(f"There is no account named {account_name}!")
        query = query.filter_by(account_id=account.id)
    if role_name is not None and find_role(Role, role_name) is not None:
        query = query.where(User.flexmeasures_roles.any(Role.name == role_name))
    if account_role_name is not None:
        has_role = Account.account_roles.any(AccountRole.name == account_role_name)
        query = query.where(User.account.has(has_role))
    if only_active:
        query = query.where(User.active)
    return list(db.session.scalars(query.order_by(User.id)))


def users_by_name(account: Account | None = None) -> Sequence[User]:
    """Users of the account, or all, active or not, with their accounts and roles."""
    query = select(User).options(joinedload(User.account), selectinload(User.flexmeasures_roles))
    if account is not None:
        query = query.filter_by(account_id=account.id)
    return db.session.scalars(query.order_by(User.username)).all()


def create_user(
    password: str | None = None,
    user_roles: dict[str, str] | Sequence[dict[str, str] | str] | str | None = None,
    check_email_deliverability: bool = True,
    account_name: str | None = None,
    **kwargs: Any,
) -> User:
    """Add a user, and what it needs: its account, roles and data source, if they are missing.

    Parameters
    ----------
    password : in clear text; only its hash is kept
    user_roles : names, or dicts with name and description
    check_email_deliverability : ask DNS whether the address's domain takes mail
    account_name : made, if there is no such account
    kwargs : columns of `User`, `email` among them; `username` defaults to the part before the @

    Raises
    ------
    InvalidFlexMeasuresUser, InvalidText (about a role) : the user is not added then
    """
    email, username = check_new_user(
        kwargs.pop("email", None), kwargs.pop("username", None), check_email_deliverability
    )
    if not password:
        raise InvalidFlexMeasuresUser("No password provided.")
    if not account_name:
        raise InvalidFlexMeasuresUser("Cannot create user without knowing the name of the account.")
    account = db.session.scalars(select(Account).filter_by(name=account_name)).one_or_none()
    if account is None:
        account = Account(name=account_name)
        db.session.add(account)
    user = User(
        email=email,
        username=username,
        password=hash_password(_password_rules().normalize(password)),
        active=kwargs.pop("active", True),
        fs_uniquifier=uuid.uuid4().hex,
        account=account,
        flexmeasures_roles=list(
            dict.fromkeys(_get_or_create_role(role) for role in _as_dicts(user_roles))
        ),
        **kwargs,
    )
    db.session.add(user)
    db.session.flush()
    get_or_create_source(user)
    return user


def check_new_user(
    email: str | None, username: str | None, check_deliverability: bool = False
) -> tuple[str, str]:
    """Address and name of a further user, as they are to be stored.

    Raises
    ------
    InvalidFlexMeasuresUser : they cannot be stored, or somebody has them
    """
    email = _normalise_email((email or "").strip(), check_deliverability)
    username = (username or "").strip() or email.split("@")[0]
    try:
        check_text(User.email, email)
        check_text(DataSource.name, username, what="The username")  # it also names the source
    except InvalidText as error:
        raise InvalidFlexMeasuresUser(str(error)) from error
    for field, value, taken in (
        ("email", email, _is_email(email)),
        ("username", username, User.username == username),
    ):
        if db.session.scalars(select(User.id).where(taken)).first() is not None:
            raise InvalidFlexMeasuresUser(f"User with {field} {value} already exists.")
    return email, username


def check_password(password: str, **about_user: str) -> None:
    """Raise InvalidFlexMeasuresUser if the web forms would not take this password.

    `create_user` does not ask this: scripts and tests choose what they like.

    about_user : email and username, which a password should not resemble
    """
    if not password:
        raise InvalidFlexMeasuresUser("No password provided.")
    complaints, _ = _password_rules().validate(password, is_register=True, **about_user)
    if complaints:
        raise InvalidFlexMeasuresUser(" ".join(str(complaint) for complaint in complaints))


def _password_rules() -> PasswordUtil:
    return current_app.extensions["security"].password_util


def change_user(user: User, **changes: Any) -> None:
    """Change columns of a user, or its roles.

    changes : email, username, active, timezone, flexmeasures_roles

    Raises
    ------
    InvalidFlexMeasuresUser : somebody else has that address or name
    InvalidText : the name cannot be stored
    """
    if "username" in changes:
        check_text(DataSource.name, changes["username"], what="The username")
    if (
        "email" in changes
        and db.session.scalars(
            select(User.id).where(_is_email(changes["email"]), User.id != user.id)
        ).first()
    ):
        raise InvalidFlexMeasuresUser(f"User with email {changes['email']} already exists.")
    for name, value in changes.items():
        setattr(user, name, value)
    if changes.get("active") is False:
        remove_cookie_and_token_access(user)
    try:
        db.session.flush()
    except IntegrityError as error:
        db.session.rollback()
        key = "username" if "username" in str(error.orig) else "email"
        raise InvalidFlexMeasuresUser(f"User with {key} {changes[key]} already exists.") from error


def set_random_password(user: User) -> None:
    """Give the user a password that nobody knows, and end sessions and tokens."""
    letters = (secrets.choice(string.ascii_lowercase) for _ in range(24))
    user.password = hash_password("".join(letters))
    remove_cookie_and_token_access(user)


def remove_cookie_and_token_access(user: User) -> None:
    """End all sessions of the user, and let no token be valid any more."""
    current_app.extensions["security"].datastore.set_uniquifier(user)
    db.session.flush()


def delete_user(user: User) -> None:
    """Delete a user. The data source stays, as others may hold data of it.

    Raises InvalidFlexMeasuresUser if the user is the one who asks for it.
    """
    viewer = acl.viewer()
    if viewer is not None and viewer.id == user.id:
        raise InvalidFlexMeasuresUser("You cannot delete yourself.")
    db.session.execute(update(DataSource).filter_by(user_id=user.id).values(user_id=None))
    db.session.execute(delete(RolesUsers).filter_by(user_id=user.id))
    db.session.execute(delete(User).filter_by(id=user.id))


def _is_email(email: str) -> ColumnElement[bool]:
    """Logging in takes no notice of case, so two addresses that differ in it are one."""
    return func.lower(User.email) == func.lower(email)


def _normalise_email(email: str, check_deliverability: bool) -> str:
    """The address as Flask-Security writes it, with its domain in lower case."""
    if not email:
        raise InvalidFlexMeasuresUser("No email address provided.")
    try:
        valid = validate_email(email, check_deliverability=False, test_environment=False)
        if check_deliverability:
            validate_email(email, check_deliverability=True)
        return valid.normalized
    except EmailUndeliverableError as error:
        raise InvalidFlexMeasuresUser(
            f"The email address {email} does not seem to be deliverable: {error}"
        ) from error
    except EmailNotValidError as error:
        raise InvalidFlexMeasuresUser(f"{email} is not a valid email address: {error}") from error


def _as_dicts(
    roles: dict[str, str] | Sequence[dict[str, str] | str] | str | None,
) -> list[dict[str, str]]:
    if roles is None:
        return []
    if isinstance(roles, (str, dict)):
        roles = [roles]
    return [{"name": role} if isinstance(role, str) else role for role in roles]


def _get_or_create_role(role: dict[str, str]) -> Role:
    return find_role(Role, role["name"]) or create_role(Role, **role)
