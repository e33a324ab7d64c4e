"""Reading users and accounts, with what is listed of them."""

from __future__ import annotations

from sqlalchemy import Select, func, select
from sqlalchemy.orm import contains_eager, selectinload

from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.user import Account, User

# How many users and assets an account has; 0 for none.
NUMBER_OF_USERS = (
    select(func.count()).where(User.account_id == Account.id).correlate(Account).scalar_subquery()
)
NUMBER_OF_ACTIVE_USERS = (
    select(func.count())
    .where(User.account_id == Account.id, User.active)
    .correlate(Account)
    .scalar_subquery()
)
NUMBER_OF_ASSETS = (
    select(func.count())
    .where(GenericAsset.account_id == Account.id)
    .correlate(Account)
    .scalar_subquery()
)


def users_with_accounts() -> Select[User]:
    """All users, joined to their accounts; one more statement reads their roles."""
    joined = select(User).join(User.account)
    return joined.options(
        contains_eager(User.account).load_only(Account.id, Account.name),
        selectinload(User.flexmeasures_roles),
    )


def accounts_with_roles() -> Select[Account]:
    """All accounts; one more statement reads their roles."""
    return select(Account).options(selectinload(Account.account_roles))
