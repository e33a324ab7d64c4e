"""The groups `users` and `roles` of Flask-Security, less what cannot work with our data model.

What the library does is described here once more, so that it is loaded when it is needed: not for
help, nor to complete a word.
"""

from __future__ import annotations

from typing import Any, NoReturn

import click

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


def _of_library(
    group: str, name: str, help_text: str, *parameters: click.Parameter
) -> click.Command:
    """A command of the library, which is loaded when the command runs."""

    @click.pass_context
    def run(ctx: click.Context, **values: Any) -> None:
        from flask_security import cli as library

        ctx.invoke(getattr(library, group).commands[name], **values)

    return click.Command(name, callback=run, help=help_text, params=list(parameters))


_USER, _ROLE = click.Argument(["user"]), click.Argument(["role"])
_PASSWORD = click.Option(
    ["--password"],
    prompt=True,
    confirmation_prompt=True,
    hide_input=True,
    help="The new password; asked for, if it is not given.",
)

users = click.Group("users", help="User commands. USER is an email address.")
roles = click.Group("roles", help="Role commands, about the roles of users.")
users.add_command(create_user)
roles.add_command(create_role)
for group, command in (
    (users, _of_library("users", "activate", "Let a user log in again.", _USER)),
    (users, _of_library("users", "deactivate", "Keep a user from logging in.", _USER)),
    (
        users,
        _of_library("users", "reset_access", "End all sessions and tokens of a user.", _USER),
    ),
    (
        users,
        _of_library("users", "change_password", "Change a user's password.", _USER, _PASSWORD),
    ),
    (roles, _of_library("roles", "add", "Give a role to a user.", _USER, _ROLE)),
    (roles, _of_library("roles", "remove", "Take a role from a user.", _USER, _ROLE)),
):
    group.add_command(command)
for name in ("add_permissions", "remove_permissions"):
    roles.add_command(permissions, name)
