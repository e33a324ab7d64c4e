"""Use cases about accounts."""

from __future__ import annotations

from sqlalchemy import func, select

from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.user import Account, AccountRole


def get_accounts(role_name: str | None = None) -> list[Account]:
    """All accounts by name, or those with this account role (none, if there is no such role)."""
    query = select(Account).order_by(Account.name)
    if role_name is not None:
        query = query.where(Account.account_roles.any(AccountRole.name == role_name))
    return list(db.session.scalars(query))


def get_number_of_assets_in_account(account_id: int) -> int:
    query = select(func.count()).select_from(GenericAsset).filter_by(account_id=account_id)
    return db.session.scalars(query).one()


def get_account_roles(account_id: int) -> list[AccountRole]:
    query = select(AccountRole).where(AccountRole.accounts.any(Account.id == account_id))
    return list(db.session.scalars(query))
