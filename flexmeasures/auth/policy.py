"""May the current user do this? The one place where that is decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import current_app, has_request_context
from flask_security import current_user
from werkzeug.exceptions import Forbidden, Unauthorized

from flexmeasures.auth.acl import (
    ADMIN_READER_ROLE,
    ADMIN_ROLE,
    EVERY_LOGGED_IN_USER,
    PERMISSIONS,
    AuthModelMixin,
    user_has_admin_access,
    user_matches_principals,
)

__all__ = [
    "ADMIN_READER_ROLE",
    "ADMIN_ROLE",
    "EVERY_LOGGED_IN_USER",
    "PERMISSIONS",
    "AuthModelMixin",
    "check_access",
    "check_scheduler",
    "may",
    "running_as_cli",
    "user_has_admin_access",
    "user_matches_principals",
]

_SCHEDULER = "custom-scheduler"  # an attribute


def check_access(context: AuthModelMixin | Any, permission: str) -> None:
    """Let pass who may do this to that object.

    context : an object with an access list
    permission : one of `PERMISSIONS`

    Raises
    ------
    werkzeug.exceptions.Forbidden : not this user, or nobody (no such permission, no such object)
    werkzeug.exceptions.Unauthorized : we do not know who is asking
    """
    if permission not in PERMISSIONS:
        raise Forbidden(f"Permission '{permission}' cannot be handled.")
    if running_as_cli():
        return
    if not current_user.is_authenticated:
        raise Unauthorized()
    if context is None:
        raise Forbidden(f"There is nothing on which to check permission '{permission}'.")
    if not isinstance(context, AuthModelMixin):
        raise Forbidden(f"{type(context).__name__} objects have no access list.")
    if user_has_admin_access(current_user, permission):
        return
    if not user_matches_principals(current_user, context.__acl__().get(permission, ())):
        raise Forbidden(f"{current_user} lacks permission '{permission}' on {context}.")


def may(context: AuthModelMixin | Any, permission: str) -> bool:
    """Would `check_access` let them pass?"""
    try:
        check_access(context, permission)
    except (Forbidden, Unauthorized):
        return False
    return True


def check_scheduler(fields: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """Raise Forbidden unless the caller may choose a scheduler: it is code that our workers run.

    fields : what is sent of an asset or sensor, with or without `attributes`
    before : the attributes until now
    """
    if "attributes" not in fields or current_user.has_role(ADMIN_ROLE):
        return
    if fields["attributes"].get(_SCHEDULER) != before.get(_SCHEDULER):
        raise Forbidden(f"Only admins decide on the attribute {_SCHEDULER}.")


def running_as_cli() -> bool:
    """Is this a command? Whoever may start commands on the server may do everything.

    Web requests never count, whichever command serves them.
    """
    if has_request_context():
        return False
    return current_app.running_as_cli()  # type: ignore[attr-defined]  # of our app class
