"""Which rows a caller may read, as SQL: what access lists say about one object, for many."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, true

from flexmeasures.auth.acl import Caller, user_has_admin_access


def writable(caller: Caller, account_id: Any) -> ColumnElement[bool]:
    """Rows of accounts in which the caller may add things, such as data.

    account_id : the column that says whose a row is; NULL there means public
    """
    if user_has_admin_access(caller, "create-children"):
        return true()
    return account_id == caller.account.id


def readable(caller: Caller | None, account_id: Any) -> ColumnElement[bool]:
    """Rows of accounts that the caller may read, and public ones.

    caller : who asks; None for commands, which may read everything
    account_id : the column that says whose a row is; NULL there means public
    """
    if caller is None:
        return true()
    if user_has_admin_access(caller, "read"):
        return true()
    return (account_id == caller.account.id) | account_id.is_(None)
