"""`flexmeasures add account`"""

from __future__ import annotations

import click

from flexmeasures.cli.roles import offer_to_create, split_names
from flexmeasures.cli.utils import MsgStyle, abort


@click.command("account")
@click.option("--name", required=True, help="Name of the account: a company, a household, ...")
@click.option(
    "--roles",
    callback=split_names,
    help="Account roles, comma-separated, for example Prosumer,Supplier. Missing ones are created.",
)
def new_account(name: str, roles: list[str]) -> None:
    """Create an account: a tenant, which owns users and assets.

    \b
    Example:
      flexmeasures add account --name "Orchard Ltd" --roles Prosumer
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.models.user import AccountRole
    from flexmeasures.data.services.accounts import create_account, find_account_by_name
    from flexmeasures.data.services.utils import InvalidText

    if find_account_by_name(name) is not None:
        abort(f"Account '{name}' already exists.")
    offer_to_create(AccountRole, roles)
    try:
        account = create_account(name, roles)
    except InvalidText as error:
        abort(str(error))
    db.session.commit()
    click.secho(f"Account '{name}' (ID: {account.id}) successfully created.", **MsgStyle.SUCCESS)
