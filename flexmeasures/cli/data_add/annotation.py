"""`flexmeasures add annotation` and `add holidays`"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from flexmeasures.cli.progress import waiting
from flexmeasures.cli.utils import MsgStyle, warn
from flexmeasures.cli.values import ids_of, parse_moment
from flexmeasures.data.schemas.times import FIRST_YEAR, LAST_YEAR

if TYPE_CHECKING:
    from flexmeasures.data.models.user import User


def _owners(noun: str) -> Callable[..., Any]:
    return click.option(
        f"--{noun}-id",
        f"{noun}_ids",
        type=int,
        multiple=True,
        callback=ids_of(noun),
        help=f"Annotate this {noun}. Can be given several times.",
    )


@click.command("annotation")
@click.option(
    "--content",
    prompt="Enter annotation",
    required=True,
    help="What to say; asked for if left out.",
)
@click.option(
    "--at",
    "start",
    required=True,
    help="Start of what it is about: a day, or a day and time. Without a UTC offset it is in UTC.",
)
@click.option("--until", "end", help="End of that, likewise. Defaults to a day after the start.")
@_owners("account")
@_owners("asset")
@_owners("sensor")
@click.option("--user-id", type=int, required=True, help="ID of the user who says so.")
def add_annotation(
    content: str,
    start: str,
    end: str | None,
    account_ids: tuple[int, ...],
    asset_ids: tuple[int, ...],
    sensor_ids: tuple[int, ...],
    user_id: int,
) -> None:
    """Annotate accounts, assets and sensors: say something about a period.

    \b
    Example:
      flexmeasures add annotation --content "Filters cleaned" --asset-id 1 --user-id 1 \\
        --at 2026-11-25T07:00+01:00 --until 2026-11-25T09:00+01:00
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.services.annotations import annotate
    from flexmeasures.data.services.data_sources import get_or_create_source

    begin = parse_moment(start, "UTC", "--at")
    until = begin + timedelta(days=1) if end is None else parse_moment(end, "UTC", "--until")
    if until <= begin:
        raise click.BadParameter("This is not after the start (--at).", param_hint="--until")
    _check_content(content)
    if not (account_ids or asset_ids or sensor_ids):
        warn("Nobody gets this annotation: pass --account-id, --asset-id or --sensor-id.")
    annotate(
        content,
        begin,
        until,
        source=get_or_create_source(_user(user_id)),
        account_id=account_ids,
        generic_asset_id=asset_ids,
        sensor_id=sensor_ids,
    )
    db.session.commit()
    click.secho("Successfully added annotation.", **MsgStyle.SUCCESS)


def _check_content(content: str) -> None:
    from marshmallow import ValidationError

    from flexmeasures.data.models.annotations import LONGEST_CONTENT
    from flexmeasures.data.schemas.texts import storable

    try:
        storable(content)
    except ValidationError as error:
        raise click.BadParameter("; ".join(error.messages), param_hint="--content") from error
    if not 0 < len(content) <= LONGEST_CONTENT:
        message = f"An annotation has 1 to {LONGEST_CONTENT} characters."
        raise click.BadParameter(message, param_hint="--content")


def _user(id_: int) -> User:
    from flexmeasures.data.config import db
    from flexmeasures.data.models.user import User
    from flexmeasures.data.schemas.ids import LARGEST_ID

    user = db.session.get(User, id_) if 0 < id_ <= LARGEST_ID else None
    if user is None:
        raise click.BadParameter(f"No user found with id {id_}.", param_hint="--user-id")
    return user


@click.command("holidays")
@click.option(
    "--year",
    type=click.IntRange(FIRST_YEAR, LAST_YEAR),
    help="Year of the holidays. Defaults to this year.",
)
@click.option(
    "--country",
    "codes",
    multiple=True,
    help="Country (ISO 3166-1, for example NL) or a part of one (ISO 3166-2, for example DE-BY). "
    "Can be given several times. Defaults to all countries.",
)
@_owners("account")
@_owners("asset")
def add_holidays(
    year: int | None,
    codes: tuple[str, ...],
    account_ids: tuple[int, ...],
    asset_ids: tuple[int, ...],
) -> None:
    """Annotate accounts and assets with public holidays.

    Running it again adds what is missing.

    \b
    Example:
      flexmeasures add holidays --year 2026 --country NL --country DE-BY --account-id 1
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.services import holidays
    from flexmeasures.utils.flexmeasures_inflection import pluralize
    from flexmeasures.utils.time_utils import server_now

    year = year or server_now().year
    try:
        with waiting("Adding holidays"):
            counts = holidays.add_holidays(
                year,
                codes or holidays.all_countries(),
                account_ids=account_ids,
                asset_ids=asset_ids,
            )
    except holidays.UnknownCalendar as error:
        raise click.BadParameter(str(error), param_hint="--country") from error
    db.session.commit()
    if not (account_ids or asset_ids):
        warn("Nobody gets these holidays: pass --account-id or --asset-id.")
    for code in [code for code, number in counts.items() if not number]:
        if codes:
            warn(f"No holidays are known of {code} in {year}.")
    accounts, assets = len(account_ids), len(asset_ids)
    owners = (
        f"{accounts} {pluralize('account', accounts)} and {assets} {pluralize('asset', assets)}"
    )
    click.secho(f"Successfully added holidays to {owners}:\n{counts}", **MsgStyle.SUCCESS)
