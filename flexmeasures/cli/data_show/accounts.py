"""`flexmeasures show accounts`, `show account`, `show users` and `show roles`"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from flexmeasures.cli.data_show.layout import ago, location, print_title
from flexmeasures.cli.utils import MsgStyle, abort, print_table
from flexmeasures.data.schemas.account import AccountIdField

if TYPE_CHECKING:
    from flexmeasures.data.models.user import Account, AccountRole, Role


@click.command("accounts")
def list_accounts() -> None:
    """List accounts, and how many assets each has."""
    from flexmeasures.data.services.accounts import accounts_with_asset_counts

    accounts = accounts_with_asset_counts()
    if not accounts:
        abort("No accounts created yet.", MsgStyle.WARN)
    click.echo("All accounts on this FlexMeasures instance:\n")
    print_table(
        [(account.id, account.name, assets) for account, assets in accounts],
        headers=["ID", "Name", "Assets"],
    )


@click.command("account")
@click.option("--id", "account", type=AccountIdField(), required=True, help="ID of the account.")
def show_account(account: Account) -> None:
    """Show an account, its users and its assets."""
    print_title(f"Account {account.name} (ID: {account.id})")
    if account.account_roles:
        click.echo(f"Account role(s): {_names(account.account_roles)}")
    else:
        click.secho("Account has no roles.", **MsgStyle.WARN)
    click.echo()
    _print_users(account)
    click.echo()
    _print_assets(account)


def _print_users(account: Account) -> None:
    from flexmeasures.data.services.users import users_by_name

    users = users_by_name(account)
    if not users:
        click.secho("No users in account ...", **MsgStyle.WARN)
        return
    click.echo("All users:\n")
    print_table(
        [
            (
                user.id,
                user.username,
                user.email,
                ago(user.last_login_at),
                ago(user.last_seen_at),
                _names(user.flexmeasures_roles),
            )
            for user in users
        ],
        headers=["ID", "Name", "Email", "Last Login", "Last Seen", "Roles"],
    )


def _print_assets(account: Account) -> None:
    from flexmeasures.data.services.assets import assets_by_name

    assets = assets_by_name(account)
    if not assets:
        click.secho("No assets in account ...", **MsgStyle.WARN)
        return
    click.echo("All assets:\n")
    print_table(
        [
            (asset.id, asset.name, asset.generic_asset_type.name, location(asset))
            for asset in assets
        ],
        headers=["ID", "Name", "Type", "Location"],
    )


@click.command("users")
def list_users() -> None:
    """List the users of all accounts; also those who are deactivated."""
    from flexmeasures.data.services.users import users_by_name

    users = users_by_name()
    if not users:
        abort("No users created yet.", MsgStyle.WARN)
    print_table(
        [
            (
                user.id,
                user.username,
                user.email,
                user.account.name,
                "yes" if user.active else "no",
                ago(user.last_login_at),
                ago(user.last_seen_at),
                _names(user.flexmeasures_roles),
            )
            for user in users
        ],
        headers=["ID", "Name", "Email", "Account", "Active", "Last Login", "Last Seen", "Roles"],
    )


@click.command("roles")
def list_roles() -> None:
    """List the roles that accounts and users can have."""
    from flexmeasures.data.models.user import AccountRole, Role
    from flexmeasures.data.services.roles import roles_by_name

    account_roles, user_roles = roles_by_name(AccountRole), roles_by_name(Role)
    if not account_roles:
        abort("No account roles created yet.", MsgStyle.WARN)
    click.echo("Account roles:\n")
    _print_roles(account_roles)
    click.echo()
    if not user_roles:
        abort("No user roles created yet, not even admin.", MsgStyle.WARN)
    click.echo("User roles:\n")
    _print_roles(user_roles)


def _names(roles: Sequence[AccountRole] | Sequence[Role]) -> str:
    return ",".join(sorted(role.name for role in roles))


def _print_roles(roles: Sequence[AccountRole] | Sequence[Role]) -> None:
    print_table(
        [(role.id, role.name, role.description) for role in roles],
        headers=["ID", "Name", "Description"],
    )
