"""Accounts (tenants), users, and the roles of both."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask_security import RoleMixin, UserMixin
from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from flexmeasures.auth.acl import (
    ACCOUNT_ADMIN_ROLE,
    SERVER_WIDE_ROLES,
    AccessList,
    AuthModelMixin,
)
from flexmeasures.data.config import Model

if TYPE_CHECKING:
    from pandas import DataFrame

    from flexmeasures.data.models.annotations import Annotation
    from flexmeasures.data.models.generic_assets import GenericAsset


class RolesAccounts(Model):
    """Which account has which account role."""

    __tablename__ = "roles_accounts"
    __table_args__ = (UniqueConstraint("role_id", "account_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    role_id: Mapped[int | None] = mapped_column(ForeignKey("account_role.id"))


class AccountRole(Model):
    """A role that an account plays, such as Prosumer or Supplier."""

    __tablename__ = "account_role"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    description: Mapped[str | None] = mapped_column(String(255))

    accounts: Mapped[list[Account]] = relationship(
        secondary="roles_accounts", back_populates="account_roles"
    )

    def __repr__(self) -> str:
        return f"<AccountRole:{self.name} (ID:{self.id})>"


class Account(Model, AuthModelMixin):
    """A tenant: the owner of users and assets."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True, default="")

    account_roles: Mapped[list[AccountRole]] = relationship(
        secondary="roles_accounts", back_populates="accounts"
    )
    users: Mapped[list[User]] = relationship(back_populates="account")
    generic_assets: Mapped[list[GenericAsset]] = relationship(
        back_populates="owner", passive_deletes=True
    )

    def __repr__(self) -> str:
        return f"<Account {self.name} (ID:{self.id})>"

    def __acl__(self) -> AccessList:
        """Members see and change the account; its account-admins add assets to it."""
        member = f"account:{self.id}"
        return {
            "create-children": (member, f"role:{ACCOUNT_ADMIN_ROLE}"),
            "read": member,
            "update": member,
        }

    def search_annotations(
        self,
        annotations_after: datetime | None = None,
        annotations_before: datetime | None = None,
        source: Any = None,
        as_frame: bool = False,
        **older_names: Any,
    ) -> list[Annotation] | DataFrame:
        """Its annotations (see `flexmeasures.data.queries.annotations`)."""
        from flexmeasures.data.queries.annotations import search_annotations

        return search_annotations(
            account_id=self.id,
            annotations_after=annotations_after,
            annotations_before=annotations_before,
            source=source,
            as_frame=as_frame,
            **older_names,
        )

    def has_role(self, role: str | AccountRole) -> bool:
        """Does this account have the given role (or the role of that name)?"""
        if isinstance(role, str):
            return role in {account_role.name for account_role in self.account_roles}
        return role in self.account_roles


class RolesUsers(Model):
    """Which user has which user role."""

    __tablename__ = "roles_users"
    __table_args__ = (UniqueConstraint("role_id", "user_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("fm_user.id"))
    role_id: Mapped[int | None] = mapped_column(ForeignKey("role.id"))


class Role(Model, RoleMixin):
    """A role that a user plays, such as admin or account-admin."""

    __tablename__ = "role"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    description: Mapped[str | None] = mapped_column(String(255))

    users: Mapped[list[User]] = relationship(
        secondary="roles_users", back_populates="flexmeasures_roles"
    )

    def __repr__(self) -> str:
        return f"<Role:{self.name} (ID:{self.id})>"


class User(Model, UserMixin, AuthModelMixin):
    """Somebody who can log in; belongs to exactly one account."""

    __tablename__ = "fm_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(255), unique=True)
    username: Mapped[str] = mapped_column(String(255), unique=True)
    password: Mapped[str | None] = mapped_column(String(255))
    # naive UTC, as the security extension keeps them
    last_login_at: Mapped[datetime | None]  # type: ignore[assignment]  # never, at first
    last_seen_at: Mapped[datetime | None]
    login_count: Mapped[int | None]  # type: ignore[assignment]
    active: Mapped[bool] = mapped_column(default=True)
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    timezone: Mapped[str | None] = mapped_column(String(255), default="Europe/Amsterdam")
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)

    account: Mapped[Account] = relationship(back_populates="users")
    flexmeasures_roles: Mapped[list[Role]] = relationship(
        secondary="roles_users", back_populates="users"
    )

    def __repr__(self) -> str:
        return f"<User {self.username} (ID:{self.id})>"

    def __acl__(self) -> AccessList:
        """Members of the account see each other; account-admins, and the user, make changes.

        Account-admins do not change users who may do things outside of the account: they could log
        in as these.
        """
        member, self_ = f"account:{self.account_id}", f"user:{self.id}"
        account_admin = (member, f"role:{ACCOUNT_ADMIN_ROLE}")
        is_more = any(self.has_role(role) for role in SERVER_WIDE_ROLES)
        return {"read": member, "update": [self_] if is_more else [self_, account_admin]}

    @property  # type: ignore[override]  # settable too, as the security extension wants
    def roles(self) -> list[Role]:
        """Roles in force: a deactivated user has none (`flexmeasures_roles` keeps them)."""
        return self.flexmeasures_roles if self.active else []

    @roles.setter
    def roles(self, roles: list[Role]) -> None:
        self.flexmeasures_roles = list(roles)

    def has_role(self, role: str | RoleMixin) -> bool:
        """Was this user given the role (or the role of that name), active or not?"""
        if isinstance(role, str):
            return role in {own_role.name for own_role in self.flexmeasures_roles}
        return role in self.flexmeasures_roles


UserRole = Role
