"""Use cases about users."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from email_validator import EmailNotValidError, EmailUndeliverableError, validate_email
from flask_security.utils import hash_password
from sqlalchemy import select

from flexmeasures.data.config import db
from flexmeasures.data.models.user import Account, Role, User
from flexmeasures.data.services.data_sources import get_or_create_source


class InvalidFlexMeasuresUser(Exception):
    """Something about this (future) user is not as it should be."""


def find_user_by_email(user_email: str, keep_in_session: bool = True) -> User | None:
    user = db.session.scalars(select(User).filter_by(email=user_email)).one_or_none()
    if user is not None and not keep_in_session:
        db.session.expunge(user)
    return user


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
    InvalidFlexMeasuresUser : nothing is added then
    """
    email = str(kwargs.pop("email", "") or "").strip()
    if not email:
        raise InvalidFlexMeasuresUser("No email address provided.")
    username = str(kwargs.pop("username", "") or "").strip() or email.split("@")[0]
    if not password:
        raise InvalidFlexMeasuresUser("No password provided.")
    if not account_name:
        raise InvalidFlexMeasuresUser("Cannot create user without knowing the name of the account.")
    _check_email(email, check_email_deliverability)
    for field, value in (("email", email), ("username", username)):
        if db.session.scalars(select(User.id).filter_by(**{field: value})).first() is not None:
            raise InvalidFlexMeasuresUser(f"User with {field} {value} already exists.")

    account = db.session.scalars(select(Account).filter_by(name=account_name)).one_or_none()
    if account is None:
        account = Account(name=account_name)
        db.session.add(account)
    user = User(
        email=email,
        username=username,
        password=hash_password(password),
        active=kwargs.pop("active", True),
        fs_uniquifier=uuid.uuid4().hex,
        account=account,
        flexmeasures_roles=[_get_or_create_role(role) for role in _as_dicts(user_roles)],
        **kwargs,
    )
    db.session.add(user)
    db.session.flush()
    get_or_create_source(user)
    return user


def _check_email(email: str, check_deliverability: bool) -> None:
    try:
        validate_email(email, check_deliverability=False, test_environment=False)
        if check_deliverability:
            validate_email(email, check_deliverability=True)
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
    found = db.session.scalars(select(Role).filter_by(name=role["name"])).one_or_none()
    if found is None:
        found = Role(**role)
        db.session.add(found)
    return found
