"""`flexmeasures delete user`"""

from __future__ import annotations

import click

from flexmeasures.cli.utils import MsgStyle, abort, confirm


@click.command("user")
@click.option("--email", required=True, help="Address with which the user logs in.")
@click.option("--force/--no-force", default=False, help="Do not ask for confirmation.")
def delete_a_user(email: str, force: bool) -> None:
    """Delete a user. Data that the user entered stays, and so does the user as source of it.

    \b
    Example:
      flexmeasures delete user --email ann@example.com
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.services.users import delete_user, find_user_by_email

    confirm(f"Delete user '{email}'?", force)
    user = find_user_by_email(email)
    if user is None:
        abort(f"Could not find user with email address '{email}' ...", MsgStyle.WARN)
    delete_user(user)
    db.session.commit()
