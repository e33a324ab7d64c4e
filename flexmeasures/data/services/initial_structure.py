"""What every server starts with: data sources, roles and asset types."""

from __future__ import annotations

from sqlalchemy import select

from flexmeasures.data.config import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.user import AccountRole, Role
from flexmeasures.data.services.asset_types import add_default_asset_types
from flexmeasures.data.services.roles import (
    DEFAULT_ACCOUNT_ROLES,
    DEFAULT_USER_ROLES,
    AnyRole,
    create_role,
    missing_roles,
)

DEFAULT_SOURCES = {"demo script": "Seita", "forecaster": "Seita", "scheduler": "Seita"}


def add_initial_structure() -> list[str]:
    """Make sure that the default sources, roles and asset types exist.

    Returns
    -------
    For each that existed already, what to call it: "Role admin"
    """
    existing = _add_sources()
    existing += [f"Role {name}" for name in _add_roles(Role, DEFAULT_USER_ROLES)]
    existing += [f"Account role {name}" for name in _add_roles(AccountRole, DEFAULT_ACCOUNT_ROLES)]
    _, types = add_default_asset_types()
    return existing + [f"Asset type {name}" for name in types]


def _add_sources() -> list[str]:
    stored = {
        (type_, name)
        for type_, name in db.session.execute(select(DataSource.type, DataSource.name))
    }
    for type_, name in DEFAULT_SOURCES.items():
        if (type_, name) not in stored:
            db.session.add(DataSource(name=name, type=type_))
            db.session.flush()
    return [
        f"Source {name} ({type_})"
        for type_, name in DEFAULT_SOURCES.items()
        if (type_, name) in stored
    ]


def _add_roles(model: type[AnyRole], roles: dict[str, str]) -> list[str]:
    missing = missing_roles(model, list(roles))
    for name in missing:
        create_role(model, name, roles[name])
    return [name for name in roles if name not in missing]
