"""Use cases about the roles of users and of accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import delete, select

from flexmeasures.auth.acl import ACCOUNT_ADMIN_ROLE, ADMIN_READER_ROLE, ADMIN_ROLE
from flexmeasures.data.config import db
from flexmeasures.data.models.user import AccountRole, Role, RolesAccounts, RolesUsers
from flexmeasures.data.services.utils import check_text

AnyRole = TypeVar("AnyRole", bound=Role | AccountRole)

DEFAULT_USER_ROLES = {
    ADMIN_ROLE: "Super user",
    ADMIN_READER_ROLE: "Can read everything",
}
DEFAULT_ACCOUNT_ROLES = {
    "Prosumer": "A consumer who might also produce",
    "MDC": "Metering Data Company",
    "Supplier": "Supplier of energy",
    "Aggregator": "Aggregator of energy flexibility",
    "ESCO": "Energy Service Company",
}


def known_roles(model: type[AnyRole]) -> dict[str, str]:
    """Roles that mean something to FlexMeasures or that every server starts with, described."""
    if issubclass(model, AccountRole):
        return DEFAULT_ACCOUNT_ROLES
    return {
        **DEFAULT_USER_ROLES,
        ACCOUNT_ADMIN_ROLE: "Can update and delete data in their account",
        "task-runner": "Can report task runs",
    }


def roles_by_name(model: type[AnyRole]) -> Sequence[AnyRole]:
    """All user roles (model `Role`) or account roles (`AccountRole`)."""
    return db.session.scalars(select(model).order_by(model.name)).all()


def find_role(model: type[AnyRole], name: str) -> AnyRole | None:
    return db.session.scalars(select(model).filter_by(name=name)).one_or_none()


def create_role(model: type[AnyRole], name: str, description: str | None = None) -> AnyRole:
    """Add a role; those that FlexMeasures knows describe themselves.

    Raises
    ------
    InvalidText : the name is empty, or a text is too long
    """
    check_text(model.name, name)
    if description is None:
        description = known_roles(model).get(name)
    else:
        check_text(model.description, description, may_be_empty=True)
    role = model(name=name, description=description)
    db.session.add(role)
    db.session.flush()
    return role


def get_or_create_roles(model: type[AnyRole], names: Sequence[str]) -> list[AnyRole]:
    """The roles of these names, each once."""
    found = {role.name: role for role in _named(model, names)}
    return [found.get(name) or create_role(model, name) for name in dict.fromkeys(names)]


def missing_roles(model: type[AnyRole], names: Sequence[str]) -> list[str]:
    """Those names under which there is no role, each once."""
    found = {role.name for role in _named(model, names)}
    return [name for name in dict.fromkeys(names) if name not in found]


def _named(model: type[AnyRole], names: Sequence[str]) -> Sequence[AnyRole]:
    return db.session.scalars(select(model).where(model.name.in_(names))).all() if names else []


def delete_role(role: Role | AccountRole) -> None:
    """Take the role from all who have it, then delete it."""
    link = RolesUsers if isinstance(role, Role) else RolesAccounts
    db.session.execute(delete(link).where(link.role_id == role.id))
    db.session.execute(delete(type(role)).filter_by(id=role.id))
