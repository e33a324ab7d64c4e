"""Who may do what: access lists of objects, and who matches them.

An access list maps a permission to principals. A principal is a text:

    user:<id>, account:<id>, role:<name>, account-role:<name>, every-logged-in-user

A list of principals means "one of these", a tuple within it "all of these together". A permission
that is not listed is nobody's, except of admins (who may do everything) and, where it is "read", of
admin-readers.

This module knows users only by what it asks of them. Who the current user is, the web side tells
it: see `viewer`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

logger = logging.getLogger(__name__)

PERMISSIONS = ["create-children", "read", "read-children", "update", "delete"]

ADMIN_ROLE = "admin"
ADMIN_READER_ROLE = "admin-reader"
ACCOUNT_ADMIN_ROLE = "account-admin"
# With these, users reach beyond their account: only admins give them.
SERVER_WIDE_ROLES = (ADMIN_ROLE, ADMIN_READER_ROLE, "task-runner")
EVERY_LOGGED_IN_USER = "every-logged-in-user"

Principals = str | tuple[str, ...] | Sequence[str | tuple[str, ...]]
AccessList = Mapping[str, Principals]


class Tenant(Protocol):
    """What we ask of a user's account."""

    @property
    def id(self) -> int: ...

    def has_role(self, role: str) -> bool: ...


class Caller(Protocol):
    """What we ask of a user."""

    @property
    def id(self) -> int: ...

    @property
    def account(self) -> Tenant: ...

    @property
    def is_authenticated(self) -> bool: ...

    def has_role(self, role: str) -> bool: ...


class AuthModelMixin:
    """Base of models whose objects are protected by an access list."""

    def __acl__(self) -> AccessList:
        """Which permissions whom are given on this object; nobody any, by default."""
        return {}


_find_viewer: Callable[[], Caller | None] | None = None


def find_viewer_with(function: Callable[[], Caller | None]) -> None:
    """Let this function tell who makes the request at work."""
    global _find_viewer
    _find_viewer = function


def viewer() -> Caller | None:
    """The user who makes the request at work; None for strangers, commands and jobs."""
    return None if _find_viewer is None else _find_viewer()


def user_has_admin_access(user: Caller, permission: str) -> bool:
    """May this user do this to everything?"""
    if user.has_role(ADMIN_ROLE):
        return True
    return permission == "read" and user.has_role(ADMIN_READER_ROLE)


def user_matches_principals(user: Caller, principals: Principals) -> bool:
    """Is the user one of those who are named?

    >>> from types import SimpleNamespace
    >>> hotel = SimpleNamespace(id=113, has_role=lambda role: role == "hotel")
    >>> user = SimpleNamespace(
    ...     id=19, account=hotel, has_role=lambda role: role == "waitress", is_authenticated=True
    ... )
    >>> user_matches_principals(user, ["user:13", ("account:113", "role:waitress")])
    True
    >>> user_matches_principals(user, [("account:113", "role:waitress", "role:chef")])
    False
    """
    if isinstance(principals, (str, tuple)):
        principals = [principals]
    return any(
        _matches_all(user, item if isinstance(item, tuple) else (item,))
        for item in principals
        if item
    )


def _matches_all(user: Caller, principals: tuple[str, ...]) -> bool:
    # Documented: whoever says "every logged-in user" means it, whatever stands beside it.
    if EVERY_LOGGED_IN_USER in principals:
        return user.is_authenticated
    return all(_matches(user, principal) for principal in principals)


def _matches(user: Caller, principal: str) -> bool:
    kind, _, name = principal.partition(":")
    if kind == "role":
        return user.has_role(name)
    if kind == "account-role":
        return user.account is not None and user.account.has_role(name)
    if kind == "user":
        return _same_id(user.id, name, principal)
    if kind == "account":
        return user.account is not None and _same_id(user.account.id, name, principal)
    logger.warning("Cannot match anybody with principal %r.", principal)
    return False


def _same_id(own_id: int, text: str, principal: str) -> bool:
    if not text.isdecimal():
        # as with the account of public objects, which nobody belongs to
        logger.warning("Cannot match anybody with principal %r: it has no numeric id.", principal)
        return False
    return own_id == int(text)
