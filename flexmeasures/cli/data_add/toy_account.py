"""`flexmeasures add toy-account`"""

from __future__ import annotations

import click

from flexmeasures.cli.utils import MsgStyle, abort


@click.command("toy-account")
@click.option(
    "--kind",
    default="battery",
    type=click.Choice(["battery"]),
    help="What kind of toy account. Defaults to battery.",
)
@click.option("--name", default="Toy Account", help="Name of the account.")
def add_toy_account(kind: str, name: str) -> None:
    """Create a toy account: a battery, a solar panel and a market, for tutorials.

    Its user can log in as toy-user@flexmeasures.io, with password toy-password.

    \b
    Example:
      flexmeasures add toy-account --kind battery
    """
    from sqlalchemy import select

    from flexmeasures.data.config import db
    from flexmeasures.data.models.user import Account
    from flexmeasures.data.services.asset_types import add_default_asset_types
    from flexmeasures.data.services.toy_account import (
        TOY_USER_EMAIL,
        add_toy_assets,
        create_toy_user,
        find_toy_user,
    )

    _, existing = add_default_asset_types()
    for asset_type in existing:
        click.echo(f"Asset type {asset_type} already exists.")
    account = db.session.scalars(select(Account).filter_by(name=name)).one_or_none()
    if account is not None:
        abort(
            f"Account '{account}' already exists. "
            f"Use `flexmeasures delete account --id {account.id}` to remove it first."
        )
    user = find_toy_user()
    if user is not None:
        click.secho(
            f"User with email {TOY_USER_EMAIL} already exists in account {user.account.name}.",
            **MsgStyle.ERROR,
        )
    else:
        click.echo(f"Creating account {name} ...")
        user = create_toy_user(name)
    toy = add_toy_assets(user.account)
    db.session.commit()

    click.secho(
        f"Toy account {toy.account.name} with user {TOY_USER_EMAIL} created successfully. "
        f"You might want to run `flexmeasures show account --id {toy.account.id}`",
        **MsgStyle.SUCCESS,
    )
    for what, sensor in (
        ("battery discharging", toy.battery),
        ("day-ahead prices", toy.prices),
        ("solar forecasts", toy.solar),
    ):
        click.secho(
            f"The sensor recording {what} is {sensor.name} (ID: {sensor.id}).",
            **MsgStyle.SUCCESS,
        )
