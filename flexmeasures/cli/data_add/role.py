"""`flexmeasures add account-role` and `add user-role`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flexmeasures.cli.utils import MsgStyle, abort

if TYPE_CHECKING:
    from flexmeasures.data.models.user import AccountRole, Role


@click.command("account-role")
@click.option("--name", required=True, help="Name of the role, for example Prosumer.")
@click.option("--description", help="What it means to have this role.")
def new_account_role(name: str, description: str | None) -> None:
    """Create a role that accounts can have.

    \b
    Example:
      flexmeasures add account-role --name Prosumer --description "Also produces"
    """
    from flexmeasures.data.models.user import AccountRole

    _add(AccountRole, "Account role", name, description)


@click.command("user-role")
@click.option("--name", required=True, help="Name of the role, for example account-admin.")
@click.option("--description", help="What it means to have this role.")
def new_user_role(name: str, description: str | None) -> None:
    """Create a role that users can have. See `flexmeasures roles add` to give it to a user.

    \b
    Example:
      flexmeasures add user-role --name account-admin
    """
    from flexmeasures.data.models.user import Role

    _add(Role, "User role", name, description)


def _add(
    model: type[Role] | type[AccountRole], noun: str, name: str, description: str | None
) -> None:
    from flexmeasures.data.config import db
    from flexmeasures.data.services.roles import create_role, find_role
    from flexmeasures.data.services.utils import InvalidText

    if find_role(model, name) is not None:
        abort(f"{noun} '{name}' already exists.")
    try:
        role = create_role(model, name, description)
    except InvalidText as error:
        abort(str(error))
    db.session.commit()
    click.secho(f"{noun} '{name}' (ID: {role.id}) successfully created.", **MsgStyle.SUCCESS)
