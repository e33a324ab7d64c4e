"""`flexmeasures delete account-role` and `delete user-role`"""

from __future__ import annotations

import click

from flexmeasures.cli.utils import MsgStyle, abort, confirm, warn


@click.command("account-role")
@click.option("--name", required=True, help="Name of the role.")
def delete_account_role(name: str) -> None:
    """Delete a role of accounts, also from the accounts that have it.

    \b
    Example:
      flexmeasures delete account-role --name Prosumer
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.models.user import AccountRole
    from flexmeasures.data.services.roles import delete_role, find_role

    role = find_role(AccountRole, name)
    if role is None:
        abort(f"Account role '{name}' does not exist.")
    if role.accounts:
        accounts = ",".join(sorted(account.name for account in role.accounts))
        warn(
            f"The following accounts have role '{name}': {accounts}. "
            "Removing this role from them ..."
        )
    delete_role(role)
    db.session.commit()
    click.secho(f"Account role '{name}' has been deleted.", **MsgStyle.SUCCESS)


@click.command("user-role")
@click.option("--name", required=True, help="Name of the role.")
@click.option("--force/--no-force", default=False, help="Do not ask for confirmation.")
def delete_user_role(name: str, force: bool) -> None:
    """Delete a role of users, also from the users who have it.

    \b
    Example:
      flexmeasures delete user-role --name account-admin
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.models.user import Role
    from flexmeasures.data.services.roles import delete_role, find_role

    role = find_role(Role, name)
    if role is None:
        abort(f"User role '{name}' does not exist.")
    users = ",".join(sorted(user.username for user in role.users))
    confirm(f"Delete user role '{name}'?\nAffected users: {users or 'none'}\n", force)
    delete_role(role)
    db.session.commit()
    click.secho(f"User role '{name}' has been deleted.", **MsgStyle.SUCCESS)
