"""`flexmeasures show accounts`, `show account`, `show users` and `show roles`"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from flexmeasures.cli.data_show.formats import Listing, format_option, print_data, print_listing
from flexmeasures.cli.data_show.layout import ago, location, names, print_title
from flexmeasures.cli.utils import MsgStyle, abort
from flexmeasures.data.schemas.account import AccountIdField

if TYPE_CHECKING:
    from flexmeasures.data.models.user import Account, AccountRole, Role


@click.command("accounts")
@format_option
def list_accounts(format_: str) -> None:
    """List accounts, and how many assets each has.

    \b
    Example:
      flexmeasures show accounts --format json
    """
    from flexmeasures.data.services.accounts import accounts_with_asset_counts

    accounts = Listing(
        dict.fromkeys(["ID", "Name", "Assets"]),
        [(account.id, account.name, assets) for account, assets in accounts_with_asset_counts()],
    )
    if format_ == "table":
        if not accounts.rows:
            abort("No accounts created yet.", MsgStyle.WARN)
        click.echo("All accounts on this FlexMeasures instance:\n")
    print_listing(accounts, format_)


@click.command("account")
@click.option(
    "--id",
    "--account-id",
    "account",
    type=AccountIdField(),
    required=True,
    help="ID of the account.",
)
@format_option
def show_account(account: Account, format_: str) -> None:
    """Show an account, its users and its assets.

    \b
    Example:
      flexmeasures show account --id 1
    """
    roles, users, assets = _names(account.account_roles), _users(account), _assets(account)
    if format_ != "table":
        facts = {"id": account.id, "name": account.name, "roles": roles}
        print_data(format_, {"users": users, "assets": assets}, **facts)
        return
    print_title(f"Account {account.name} (ID: {account.id})")
    if roles:
        click.echo(f"Account role(s): {names(roles)}")
    else:
        click.secho("Account has no roles.", **MsgStyle.WARN)
    for noun, listing in (("users", users), ("assets", assets)):
        click.echo()
        if listing.rows:
            click.echo(f"All {noun}:\n")
            listing.print_table()
        else:
            click.secho(f"No {noun} in account ...", **MsgStyle.WARN)


def _users(account: Account) -> Listing:
    from flexmeasures.data.services.users import users_by_name

    return Listing(
        {
            **dict.fromkeys(["ID", "Name", "Email"]),
            "Last Login": ago,
            "Last Seen": ago,
            "Roles": names,
        },
        [
            (
                user.id,
                user.username,
                user.email,
                user.last_login_at,
                user.last_seen_at,
                _names(user.flexmeasures_roles),
            )
            for user in users_by_name(account)
        ],
    )


def _assets(account: Account) -> Listing:
    from flexmeasures.data.services.assets import assets_by_name

    return Listing(
        {**dict.fromkeys(["ID", "Name", "Type"]), "Location": location},
        [
            (asset.id, asset.name, asset.generic_asset_type.name, asset.location)
            for asset in assets_by_name(account)
        ],
    )


@click.command("users")
@format_option
def list_users(format_: str) -> None:
    """List the users of all accounts; also those who are deactivated.

    \b
    Example:
      flexmeasures show users --format csv
    """
    from flexmeasures.data.services.users import users_by_name

    users = Listing(
        {
            **dict.fromkeys(["ID", "Name", "Email", "Account"]),
            "Active": lambda active: "yes" if active else "no",
            "Last Login": ago,
            "Last Seen": ago,
            "Roles": names,
        },
        [
            (
                user.id,
                user.username,
                user.email,
                user.account.name,
                bool(user.active),
                user.last_login_at,
                user.last_seen_at,
                _names(user.flexmeasures_roles),
            )
            for user in users_by_name()
        ],
    )
    if format_ == "table" and not users.rows:
        abort("No users created yet.", MsgStyle.WARN)
    print_listing(users, format_)


@click.command("roles")
@format_option
def list_roles(format_: str) -> None:
    """List the roles that accounts and users can have.

    \b
    Example:
      flexmeasures show roles
    """
    from flexmeasures.data.models.user import AccountRole, Role
    from flexmeasures.data.services.roles import roles_by_name

    account_roles, user_roles = _roles(roles_by_name(AccountRole)), _roles(roles_by_name(Role))
    if format_ != "table":
        print_data(format_, {"account_roles": account_roles, "user_roles": user_roles})
        return
    if not account_roles.rows:
        abort("No account roles created yet.", MsgStyle.WARN)
    click.echo("Account roles:\n")
    account_roles.print_table()
    click.echo()
    if not user_roles.rows:
        abort("No user roles created yet, not even admin.", MsgStyle.WARN)
    click.echo("User roles:\n")
    user_roles.print_table()


def _names(roles: Sequence[AccountRole] | Sequence[Role]) -> list[str]:
    return sorted(role.name for role in roles)


def _roles(roles: Sequence[AccountRole] | Sequence[Role]) -> Listing:
    rows = [(role.id, role.name, role.description) for role in roles]
    return Listing(dict.fromkeys(["ID", "Name", "Description"]), rows)
