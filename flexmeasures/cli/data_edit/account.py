"""`flexmeasures edit account`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flexmeasures.cli.roles import offer_to_create, split_names
from flexmeasures.cli.utils import MsgStyle, abort
from flexmeasures.data.schemas.account import AccountIdField

if TYPE_CHECKING:
    from flexmeasures.data.models.user import Account


@click.command("account")
@click.option(
    "--id",
    "--account-id",
    "account",
    type=AccountIdField(),
    required=True,
    help="ID of the account.",
)
@click.option("--name", help="The account's new name.")
@click.option(
    "--add-roles",
    callback=split_names,
    help="Account roles to give, comma-separated. Missing ones are created.",
)
@click.option(
    "--remove-roles", callback=split_names, help="Account roles to take away, comma-separated."
)
def edit_account(
    account: Account, name: str | None, add_roles: list[str], remove_roles: list[str]
) -> None:
    """Rename an account, or change its roles. (For roles of users, see `flexmeasures roles`.)

    \b
    Example:
      flexmeasures edit account --id 1 --name "Orchard Inc" --add-roles MDC
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.models.user import AccountRole
    from flexmeasures.data.services.accounts import change_account, find_account_by_name
    from flexmeasures.data.services.utils import InvalidText

    if name is None and not add_roles and not remove_roles:
        raise click.UsageError("Nothing to change: pass --name, --add-roles or --remove-roles.")
    if name is not None and find_account_by_name(name) not in (None, account):
        abort(f"Account '{name}' already exists.")
    if not_there := [role for role in remove_roles if not account.has_role(role)]:
        abort(f"Account '{account.name}' does not have role(s) {', '.join(not_there)}.")
    offer_to_create(AccountRole, add_roles)
    try:
        change_account(account, name, add_roles, remove_roles)
    except InvalidText as error:
        abort(str(error))
    db.session.commit()
    roles = ",".join(sorted(role.name for role in account.account_roles)) or "none"
    click.secho(
        f"Successfully edited account '{account.name}' (ID: {account.id}). Its roles: {roles}.",
        **MsgStyle.SUCCESS,
    )
