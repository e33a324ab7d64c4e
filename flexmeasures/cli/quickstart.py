"""`flexmeasures quickstart`: from an empty database to an optimised battery schedule."""

from __future__ import annotations

import shlex
import shutil
import sys
from datetime import datetime, time, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from flexmeasures.cli.utils import MsgStyle

if TYPE_CHECKING:
    from flexmeasures.data.services.toy_account import ToyAccount

# EUR/MWh, by the hour of the day at which they start.
PRICES = (
    *(10, 11, 12, 15, 18, 17, 10.5, 9, 9.5, 9, 8.5, 10),
    *(8, 5, 4, 4, 5.5, 8, 12, 13, 14, 12.5, 10, 7),
)


@click.command("quickstart")
@click.option(
    "--yes", is_flag=True, help="Don't ask before adding toy data to a configured database."
)
@click.pass_context
def quickstart(context: click.Context, yes: bool) -> None:
    """Set up a toy account and schedule its battery for tomorrow.

    Creates the database tables, a toy account with a battery, and tomorrow's prices; computes the
    schedule and shows it. Running it again is fine: what is there already is used.
    """
    from flask import current_app
    from flask_migrate import upgrade

    from flexmeasures.cli.data_add.schedule import add_schedule_for_storage
    from flexmeasures.cli.data_show import plot_beliefs
    from flexmeasures.data.config import db
    from flexmeasures.utils.unit_utils import ur

    if not (current_app.config["LOCAL_MODE"] or yes):
        click.confirm(
            f"This adds a toy account to the configured database ({db.engine.url!r}). Continue?",
            abort=True,
        )
    click.echo("Preparing the database ...")
    upgrade()
    toy = _toy_account()
    midnight, seven, next_midnight = _tomorrow(ZoneInfo(toy.prices.timezone))
    _add_prices(toy, midnight, next_midnight)
    click.echo("Computing the schedule ...")
    context.invoke(
        add_schedule_for_storage,
        power_sensor=toy.battery,
        consumption_price_sensor=toy.prices,
        start=seven,
        duration=timedelta(hours=12),
        soc_at_start=ur.Quantity("50%"),
        roundtrip_efficiency=ur.Quantity("90%"),
    )
    _headline("Prices for tomorrow")
    context.invoke(
        plot_beliefs,
        sensors=[toy.prices],
        start=midnight,
        duration=next_midnight.astimezone(timezone.utc) - midnight.astimezone(timezone.utc),
    )
    _headline("The schedule of the battery")
    context.invoke(plot_beliefs, sensors=[toy.battery], start=seven, duration=timedelta(hours=12))
    click.echo("\nPositive values go to the grid: the battery discharges. Negative: it charges.")
    _print_next_steps(toy, seven)


def _toy_account() -> ToyAccount:
    from flexmeasures.data.config import db
    from flexmeasures.data.services.toy_account import (
        add_toy_assets,
        create_toy_user,
        find_toy_user,
    )

    user = find_toy_user()
    if user is None:
        click.echo("Creating a toy account ...")
        user = create_toy_user("Toy Account")
    toy = add_toy_assets(user.account)
    db.session.commit()
    return toy


def _tomorrow(zone: ZoneInfo) -> tuple[datetime, datetime, datetime]:
    """Midnight, seven o'clock, and the next midnight."""
    today = datetime.now(zone).date()
    tomorrow, day_after = today + timedelta(days=1), today + timedelta(days=2)
    return (
        datetime.combine(tomorrow, time(0), tzinfo=zone),
        datetime.combine(tomorrow, time(7), tzinfo=zone),
        datetime.combine(day_after, time(0), tzinfo=zone),
    )


def _add_prices(toy: ToyAccount, midnight: datetime, next_midnight: datetime) -> None:
    import pandas as pd

    from flexmeasures.data.beliefs.save import save
    from flexmeasures.data.config import db
    from flexmeasures.data.services.data_sources import get_or_create_source
    from flexmeasures.utils.time_utils import server_now
    from flexmeasures.utils.timely import tb

    # By the clock, so that days of 23 and 25 hours have prices for all of their hours.
    hours = pd.date_range(midnight, next_midnight, freq="h", inclusive="left")
    prices = pd.Series([PRICES[hour] for hour in hours.hour], index=hours, dtype=float)
    saved = save(
        tb.BeliefsDataFrame(
            prices,
            sensor=toy.prices,
            source=get_or_create_source("toy-user", source_type="CLI script"),
            belief_time=server_now(),
        )
    )
    db.session.commit()
    click.echo("Loaded prices for tomorrow." if saved.new else "Prices for tomorrow are there.")


def _headline(text: str) -> None:
    click.secho(f"\n{text}\n{'-' * len(text)}", bold=True)


def _print_next_steps(toy: ToyAccount, seven: datetime) -> None:
    start = seven.isoformat(timespec="minutes")
    click.secho("\nThat's it! Here is what you could do next:", **MsgStyle.SUCCESS)
    if shutil.which("flexmeasures") is None:
        activate = Path(sys.prefix) / "bin" / "activate"
        click.echo(f"\n  Let your shell find the program:\n    . {shlex.quote(str(activate))}")
    click.echo(
        f"""
  See what there is now:
    flexmeasures show account --id {toy.account.id}
    flexmeasures show asset --id {toy.battery.generic_asset.id}

  Schedule the battery again, say full at 6 pm and with less losses:
    flexmeasures add schedule for-storage --sensor-id {toy.battery.id} \\
      --consumption-price-sensor {toy.prices.id} --start {start} --duration PT12H \\
      --soc-at-start 50% --roundtrip-efficiency 95% \\
      --soc-target 100% {seven.replace(hour=18).isoformat(timespec="minutes")}
    flexmeasures show beliefs --sensor-id {toy.battery.id} --start {start} --duration PT12H

  Load data of your own:
    flexmeasures add beliefs --help"""
    )
