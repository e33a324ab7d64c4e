"""`flexmeasures add user`"""

from __future__ import annotations

import sys
import warnings

import click

from flexmeasures.cli.roles import offer_to_create, split_names
from flexmeasures.cli.utils import MsgStyle, abort, warn


@click.command("user")
@click.option("--username", required=True, help="Name of the user.")
@click.option("--email", required=True, help="Address with which the user logs in.")
@click.option("--account-id", type=int, required=True, help="ID of the account to belong to.")
@click.option(
    "--roles",
    callback=split_names,
    help="User roles, comma-separated, for example admin or account-admin,task-runner. Missing "
    "ones are created.",
)
@click.option(
    "--timezone",
    help="Timezone of the user, for example Europe/Amsterdam. "
    "Defaults to the setting FLEXMEASURES_TIMEZONE.",
)
def new_user(
    username: str, email: str, account_id: int, roles: list[str], timezone: str | None
) -> None:
    """Create a user, who can log in.

    The password is asked twice, and not shown. Without a terminal, it is read twice from standard
    input, one a line.

    \b
    Example:
      flexmeasures add user --username ann --email ann@example.com --account-id 1 \\
        --roles account-admin --timezone Europe/Amsterdam
    """
    from flexmeasures.cli.data_add import check_timezone
    from flexmeasures.data.config import db
    from flexmeasures.data.models.user import Account, Role
    from flexmeasures.data.schemas.ids import LARGEST_ID
    from flexmeasures.data.services.users import (
        InvalidFlexMeasuresUser,
        check_new_user,
        check_password,
        create_user,
    )
    from flexmeasures.data.services.utils import InvalidText

    if timezone is None:
        timezone = _default_timezone()
    check_timezone(timezone)
    if not username.strip():
        abort("The username cannot be empty.")
    account = db.session.get(Account, account_id) if 0 < account_id <= LARGEST_ID else None
    if account is None:
        abort(f"No account with ID {account_id} found!")
    try:
        check_new_user(email, username)
        offer_to_create(Role, roles)
        password = ask_password()
        check_password(password, email=email, username=username)
        user = create_user(
            username=username,
            email=email,
            password=password,
            account_name=account.name,
            user_roles=roles,
            timezone=timezone,
            check_email_deliverability=False,
        )
    except (InvalidFlexMeasuresUser, InvalidText) as error:
        abort(str(error))
    db.session.commit()
    click.secho(f"Successfully created user {user!r}", **MsgStyle.SUCCESS)


def _default_timezone() -> str:
    from flask import current_app

    timezone = current_app.config.get("FLEXMEASURES_TIMEZONE") or "UTC"
    warn(
        f"Setting user timezone to {timezone} (taken from FLEXMEASURES_TIMEZONE config setting)..."
    )
    return str(timezone)


def ask_password() -> str:
    """A new password; aborts unless it is typed the same twice."""
    password = _read_hidden("Please enter the password:")
    if password != _read_hidden("Please repeat the password:"):
        abort("Passwords do not match!")
    return password


def _read_hidden(prompt: str) -> str:
    from getpass import GetPassWarning, getpass

    if not sys.stdin.isatty():
        line = sys.stdin.readline()
        if line:
            return line.rstrip("\r\n")
    # If standard input has nothing to say, there may still be a terminal to ask at.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GetPassWarning)
        try:
            return getpass(prompt)
        except EOFError:
            abort("No password provided. Type it in a terminal, or give it twice, one a line.")
