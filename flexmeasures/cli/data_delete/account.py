"""`flexmeasures delete account`"""

from __future__ import annotations

import click

from flexmeasures.cli.progress import waiting
from flexmeasures.cli.utils import MsgStyle, abort, confirm


@click.command("account")
@click.option(
    "--id", "--account-id", "account_id", type=int, required=True, help="ID of the account."
)
@click.option("--force/--no-force", default=False, help="Do not ask for confirmation.")
def delete_account(account_id: int, force: bool) -> None:
    """Delete an account, with its users, assets, sensors and all their data.

    Data that its users entered elsewhere stays, and so do they as sources of it.

    \b
    Example:
      flexmeasures delete account --id 1
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.models.user import Account
    from flexmeasures.data.schemas.ids import LARGEST_ID
    from flexmeasures.data.services import accounts
    from flexmeasures.data.services.assets import assets_by_name
    from flexmeasures.data.services.users import users_by_name

    account = db.session.get(Account, account_id) if 0 < account_id <= LARGEST_ID else None
    if account is None:
        abort(f"Account with ID '{account_id}' does not exist.")
    name, users, assets = account.name, users_by_name(account), assets_by_name(account)
    confirm(
        f"Delete account '{name}', including generic assets, users and all their data?\n"
        f"Affected users: {','.join(user.username for user in users) or 'none'}\n"
        f"Affected generic assets: {','.join(asset.name for asset in assets) or 'none'}\n",
        force,
    )
    for user in users:
        click.echo(f"Deleting user {user!r} ...")
    for role in account.account_roles:
        click.echo(f"Deleting association of account {name} and role {role.name} ...")
    for asset in assets:
        click.echo(f"Deleting generic asset {asset!r} (and sensors & beliefs) ...")
    with waiting("Deleting"):
        accounts.delete_account(account)
    db.session.commit()
    click.secho(f"Account {name} has been deleted.", **MsgStyle.SUCCESS)
