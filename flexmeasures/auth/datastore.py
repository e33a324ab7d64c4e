"""How Flask-Security finds and changes our users and roles."""

from __future__ import annotations

from functools import cache
from typing import Any

from flask_security import RoleMixin, SQLAlchemyUserDatastore
from sqlalchemy import Select, bindparam, exists, func, select
from sqlalchemy.orm import joinedload

from flexmeasures.data.models.log_ins import EndedLogIn
from flexmeasures.data.models.user import User


class UserDatastore(SQLAlchemyUserDatastore):
    """Knows that `User.roles` are those in force, and `User.flexmeasures_roles` those given."""

    def find_user(self, case_insensitive: bool = False, **kwargs: Any) -> User | None:
        """The user with this value of one column, with account and roles, in one statement."""
        attribute, value = kwargs.popitem()
        return self._first(_select_user(attribute, case_insensitive), value=value)

    def find_user_of_log_in(self, fs_uniquifier: str, log_in: str) -> User | None:
        """The same, unless the log-in of that id was ended."""
        return self._first(_select_user_of_log_in(), value=fs_uniquifier, log_in=log_in)

    def _first(self, query: Select[Any], **values: Any) -> User | None:
        user: User | None = self.db.session.scalars(query, values).unique().first()
        return user

    def add_role_to_user(self, user: User, role: RoleMixin | str) -> bool:  # type: ignore[override]
        """Give a user a role; False if the user has it already."""
        found = self._find_role(role)
        if found in user.flexmeasures_roles:
            return False
        user.flexmeasures_roles.append(found)
        self.put(user)
        return True

    def remove_role_from_user(  # type: ignore[override]
        self, user: User, role: RoleMixin | str
    ) -> bool:
        """Take a role from a user; False if the user does not have it."""
        found = self._find_role(role)
        if found not in user.flexmeasures_roles:
            return False
        user.flexmeasures_roles.remove(found)
        self.put(user)
        return True

    def _find_role(self, role: RoleMixin | str) -> Any:
        found = self._prepare_role_modify_args(role)
        if found is None:
            raise ValueError(f"Role: {role} doesn't exist")
        return found


# Every request asks one of these, so they are built once.


@cache
def _select_user(attribute: str, case_insensitive: bool) -> Select[Any]:
    column: Any = getattr(User, attribute)
    value: Any = bindparam("value")
    if not case_insensitive:
        return _with_account_and_roles(select(User).where(column == value))
    matches = func.lower(column) == func.lower(value)
    return _with_account_and_roles(select(User).where(matches).order_by((column == value).desc()))


@cache
def _select_user_of_log_in() -> Select[Any]:
    ended = exists().where(EndedLogIn.id == bindparam("log_in"))
    return _with_account_and_roles(
        select(User).where(User.fs_uniquifier == bindparam("value"), ~ended)
    )


def _with_account_and_roles(query: Select[Any]) -> Select[Any]:
    return query.options(joinedload(User.account), joinedload(User.flexmeasures_roles))
