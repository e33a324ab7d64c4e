"""The groups `users` and `roles` of Flask-Security, less what cannot work with our data model."""

from __future__ import annotations

from typing import NoReturn

import click
from flask_security import cli as library

from flexmeasures.cli.utils import MsgStyle, abort

# Whatever follows the command's name is not looked at.
_ANYTHING = {"ignore_unknown_options": True, "allow_extra_args": True}


@click.command("create", context_settings=_ANYTHING)
def create_user() -> NoReturn:
    """Refuses, as users need an account: see `flexmeasures add user`."""
    abort("Users need an account. Please use `flexmeasures add user`, which asks for it.")


@click.command("create")
@click.argument("name")
@click.option("-d", "--description")
@click.option("-p", "--permissions", help="Not supported: access lists of objects name roles.")
def create_role(name: str, description: str | None, permissions: str | None) -> None:
    """Create a user role (as `flexmeasures add user-role` does)."""
    from flexmeasures.data.config import db
    from flexmeasures.data.models.user import Role
    from flexmeasures.data.services import roles
    from flexmeasures.data.services.utils import InvalidText

    if permissions:
        raise click.UsageError(_NO_PERMISSIONS)
    if roles.find_role(Role, name) is not None:
        abort(f"User role '{name}' already exists.")
    try:
        roles.create_role(Role, name, description)
    except InvalidText as error:
        abort(str(error))
    db.session.commit()
    click.secho(f'Role "{name}" created successfully.', **MsgStyle.SUCCESS)


_NO_PERMISSIONS = (
    "Role model does not support permissions. What a role may do is written in the access lists of "
    "the objects concerned."
)


@click.command(context_settings=_ANYTHING)
def permissions() -> NoReturn:
    """Refuses, as roles have no permissions of their own."""
    raise click.UsageError(_NO_PERMISSIONS)


users = click.Group("users", help="User commands. USER is an email address.")
users.commands = {**library.users.commands, "create": create_user}
roles = click.Group("roles", help="Role commands, about the roles of users.")
roles.commands = {
    **library.roles.commands,
    "create": create_role,
    "add_permissions": permissions,
    "remove_permissions": permissions,
}
