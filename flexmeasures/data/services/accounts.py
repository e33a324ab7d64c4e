"""Use cases about accounts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, func, select, update

from flexmeasures.data.config import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.user import Account, AccountRole, RolesAccounts, RolesUsers, User
from flexmeasures.data.services.roles import get_or_create_roles
from flexmeasures.data.services.utils import check_text


def get_accounts(role_name: str | None = None) -> list[Account]:
    """All accounts by name, or those with this account role (none, if there is no such role)."""
    query = select(Account).order_by(Account.name)
    if role_name is not None:
        query = query.where(Account.account_roles.any(AccountRole.name == role_name))
    return list(db.session.scalars(query))


def find_account_by_name(name: str) -> Account | None:
    return db.session.scalars(select(Account).filter_by(name=name)).one_or_none()


def accounts_with_asset_counts() -> list[tuple[Account, int]]:
    """All accounts by name, each with its number of assets."""
    query = (
        select(Account, func.count(GenericAsset.id))
        .outerjoin(GenericAsset, GenericAsset.account_id == Account.id)
        .group_by(Account.id)
        .order_by(Account.name)
    )
    return [(account, number) for account, number in db.session.execute(query)]


def create_account(name: str, role_names: Sequence[str] = ()) -> Account:
    """Add an account, and those of its roles that are missing.

    Raises
    ------
    InvalidText : the name, or that of a role, is empty or too long
    """
    check_text(Account.name, name)
    account = Account(name=name, account_roles=get_or_create_roles(AccountRole, role_names))
    db.session.add(account)
    db.session.flush()
    return account


def change_account(
    account: Account,
    name: str | None = None,
    add_roles: Sequence[str] = (),
    remove_roles: Sequence[str] = (),
) -> None:
    """Rename an account, give it roles (made, if they are missing) or take some away.

    Raises
    ------
    InvalidText : the name, or that of a role, is empty or too long
    """
    if name is not None:
        check_text(Account.name, name)
        account.name = name
    roles = [role for role in account.account_roles if role.name not in remove_roles]
    new = [role for role in get_or_create_roles(AccountRole, add_roles) if role not in roles]
    account.account_roles = roles + new
    db.session.flush()


def delete_account(account: Account) -> None:
    """Delete an account with its users, assets, sensors and beliefs, in one statement per table.

    The database lets beliefs, and links to annotations, go with what they belong to. Sources of its
    users stay, as others may hold data of theirs.
    """
    users = select(User.id).filter_by(account_id=account.id)
    db.session.execute(update(DataSource).where(DataSource.user_id.in_(users)).values(user_id=None))
    db.session.execute(delete(RolesUsers).where(RolesUsers.user_id.in_(users)))
    db.session.execute(delete(User).filter_by(account_id=account.id))
    db.session.execute(delete(RolesAccounts).filter_by(account_id=account.id))
    db.session.execute(delete(GenericAsset).filter_by(account_id=account.id))
    db.session.execute(delete(Account).filter_by(id=account.id))


def get_number_of_assets_in_account(account_id: int) -> int:
    query = select(func.count()).select_from(GenericAsset).filter_by(account_id=account_id)
    return db.session.scalars(query).one()


def get_account_roles(account_id: int) -> list[AccountRole]:
    query = select(AccountRole).where(AccountRole.accounts.any(Account.id == account_id))
    return list(db.session.scalars(query))
