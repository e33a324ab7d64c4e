"""`flexmeasures add forecasts`"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from flexmeasures.cli.utils import MsgStyle, abort, warn
from flexmeasures.data.schemas.sensors import SensorIdField

if TYPE_CHECKING:
    from flexmeasures.data.models.time_series import Sensor
    from flexmeasures.data.services.forecast_runs import Outcome

HOUR = timedelta(hours=1)
_PART = timedelta(days=28)


def _midnight(ctx: click.Context, param: click.Parameter, value: datetime) -> datetime:
    """The start of that day, on the clock of the server."""
    from flexmeasures.utils.time_utils import get_timezone, localize

    try:
        return localize(value, get_timezone())
    except OverflowError as error:
        raise click.BadParameter("This is too early.") from error


def _known_model(ctx: click.Context, param: click.Parameter, value: str) -> str:
    from flexmeasures.forecasting.registry import model_map

    if value.lower() not in model_map:
        raise click.BadParameter(f"{value!r} is not one of {', '.join(sorted(model_map))}.")
    return value.lower()


_DATE = click.DateTime(["%Y-%m-%d"])


@click.command("forecasts")
@click.option(
    "--sensor-id",
    "sensors",
    type=SensorIdField(),
    multiple=True,
    required=True,
    help="Forecast this sensor. Can be given several times.",
)
@click.option(
    "--from-date",
    "start",
    type=_DATE,
    metavar="YYYY-MM-DD",
    default="2015-02-08",
    callback=_midnight,
    help="The first day to forecast. Defaults to 2015-02-08.",
)
@click.option(
    "--to-date",
    "last_day",
    type=_DATE,
    metavar="YYYY-MM-DD",
    default="2015-12-31",
    help="The last day to forecast. Defaults to 2015-12-31.",
)
@click.option(
    "--resolution",
    "minutes",
    type=click.IntRange(1),
    metavar="MINUTES",
    help="Forecast means over slots of this length, longer than the sensor's events: all events in "
    "a slot get its mean. Defaults to the sensor's resolution. Not with --as-job.",
)
@click.option(
    "--horizon",
    "hours",
    type=click.Choice(["1", "6", "24", "48"]),
    multiple=True,
    help="How many hours before it can be known each event is to be forecast. Can be given several "
    "times. Defaults to all four (a sensor with events of a week or more: one event).",
)
@click.option(
    "--regressor",
    "regressors",
    type=SensorIdField(),
    multiple=True,
    help="Let beliefs about this sensor explain something, weather forecasts for example, in place "
    "of the sensors that attributes name. Can be given several times.",
)
@click.option(
    "--model",
    "model",
    default="auto",
    callback=_known_model,
    help="The model to begin with: auto, linear-OLS, seasonal-naive, naive or average. Where it "
    "has no answer, those after it in this list are asked. Defaults to auto, which chooses by "
    "back-testing.",
)
@click.option(
    "--probabilistic",
    is_flag=True,
    help="Store the quantiles at 5, 25, 75 and 95%, too, beside the medians.",
)
@click.option(
    "--as-job",
    is_flag=True,
    help="Queue a job per sensor and horizon for workers, instead of forecasting now.",
)
def add_forecasts(
    sensors: Sequence[Sensor],
    start: datetime,
    last_day: datetime,
    minutes: int | None,
    hours: Sequence[str],
    regressors: Sequence[Sensor],
    model: str,
    probabilistic: bool,
    as_job: bool,
) -> None:
    """Create forecasts, for a stretch of the past or of the future.

    Days are those of the server's timezone. Each event is forecast from what was known a horizon
    earlier: measurements that were loaded later count as known as soon as they could be.

    \b
    Example:
      flexmeasures add forecasts --sensor-id 2 --sensor-id 3 \\
        --from-date 2015-02-01 --to-date 2015-08-31 --horizon 6 --as-job
    """
    end = _midnight_after(last_day)
    if start >= end:
        raise click.UsageError(f"'--from-date' {start:%Y-%m-%d} is after '--to-date'.")
    sensors = list(dict.fromkeys(sensors))
    horizons = {sensor.id: _horizons(sensor, hours) for sensor in sensors}
    options: dict[str, Any] = {
        "model_search_term": model,
        "regressors": list(regressors) or None,
    }
    if probabilistic:
        from flexmeasures.data.services.forecast_runs import USUAL_QUANTILES

        options["quantiles"] = USUAL_QUANTILES
    if as_job:
        if minutes is not None:
            warn("The option --resolution does nothing with --as-job.")
        _add_jobs(sensors, start, end, horizons, options)
    else:
        resolution = None if minutes is None else timedelta(minutes=minutes)
        for sensor in sensors:
            _check_resolution(sensor, resolution)
        _add_forecasts(sensors, start, end, horizons, options | {"resolution": resolution})


def _midnight_after(day: datetime) -> datetime:
    from flexmeasures.utils.time_utils import get_timezone, localize

    try:
        return localize(day + timedelta(days=1), get_timezone())
    except OverflowError as error:
        raise click.UsageError("'--to-date' is too late.") from error


def _horizons(sensor: Sensor, hours: Sequence[str]) -> list[timedelta]:
    """In ascending order; a usage error if one of them does not fit the sensor."""
    from flexmeasures.utils.time_utils import forecast_horizons_for, supported_horizons

    step = sensor.event_resolution
    asked = sorted({int(number) * HOUR for number in hours})
    if not asked:
        fitting = [one for one in supported_horizons() if not step or not one % step]
        asked = fitting or forecast_horizons_for(step)
        if not asked:
            raise click.UsageError(
                f"No '--horizon' is a multiple of the resolution of sensor {sensor.id}, {step}."
            )
    for horizon in asked:
        if step and horizon % step:
            raise click.UsageError(
                f"'--horizon' {horizon // HOUR} (hours) is not a multiple of the resolution of"
                f" sensor {sensor.id}, {step}."
            )
    return asked


def _check_resolution(sensor: Sensor, resolution: timedelta | None) -> None:
    step = sensor.event_resolution
    if resolution is not None and (not step or resolution % step):
        raise click.UsageError(
            f"'--resolution' has to be a multiple of the resolution of sensor {sensor.id}, {step}."
        )


def _add_jobs(
    sensors: Sequence[Sensor],
    start: datetime,
    end: datetime,
    horizons: Mapping[int, Sequence[timedelta]],
    options: dict[str, Any],
) -> None:
    from flexmeasures.data.services.forecasting import create_forecasting_jobs
    from flexmeasures.utils.time_utils import shift

    if options["regressors"] is not None:
        options["regressors"] = [sensor.id for sensor in options["regressors"]]
    # Jobs of one sensor can use each other's models, so they should not run at the same time.
    count = 0
    for horizon in sorted({horizon for some in horizons.values() for horizon in some}):
        roll = shift(start, -horizon), shift(end, -horizon)
        for sensor in sensors:
            if horizon in horizons[sensor.id]:
                count += len(
                    create_forecasting_jobs(sensor.id, *roll, horizons=[horizon], **options)
                )
    click.secho(f"{count} new forecasting job(s) added to the queue.", **MsgStyle.SUCCESS)


def _add_forecasts(
    sensors: Sequence[Sensor],
    start: datetime,
    end: datetime,
    horizons: Mapping[int, Sequence[timedelta]],
    options: dict[str, Any],
) -> None:
    """Forecast one sensor after the other, and tell. Of each, all is stored, or nothing."""
    from flexmeasures.data.config import db
    from flexmeasures.forecasting.exceptions import NotEnoughDataException

    all_horizons = sorted({horizon for some in horizons.values() for horizon in some})
    click.echo(
        f"Populating the database {db.engine} with time series forecasts of"
        f" {', '.join(map(_natural, all_horizons))} ahead ..."
    )
    made = 0
    for sensor in sensors:
        for horizon in horizons[sensor.id]:
            click.echo(
                f"Computing forecasts of {_natural(horizon)} ahead for sensor {sensor.id}, from"
                f" {start} to {end} with a training and testing period of {_training_period()},"
                f" using {options['model_search_term']} ..."
            )
        try:
            outcome = _forecast(sensor, start, end, horizons[sensor.id], options)
        except NotEnoughDataException as error:
            db.session.rollback()
            warn(f"Skipping forecasts for sensor {sensor}: {error}")
            continue
        db.session.commit()
        made += outcome.forecasts
        _tell(sensor, outcome)
    click.echo(f"DB now has {_count(sensors)} forecasts")
    if not made:
        abort("Nothing could be forecast.")


def _forecast(
    sensor: Sensor,
    start: datetime,
    end: datetime,
    horizons: Sequence[timedelta],
    options: dict[str, Any],
) -> Outcome:
    """Part by part, while a bar on terminals shows how far that is."""
    from flexmeasures.data.services.forecast_models import RecentModels
    from flexmeasures.data.services.forecasting import forecast
    from flexmeasures.forecasting.exceptions import NotEnoughDataException

    parts = _parts(start, end)
    options = options | {"horizons": horizons, "store": RecentModels()}
    outcomes: list[Outcome] = []
    refusal: NotEnoughDataException | None = None
    hidden = not sys.stderr.isatty()
    label = f"Sensor {sensor.id}"
    with click.progressbar(parts, label=label, file=sys.stderr, hidden=hidden) as remaining:
        for part in remaining:
            try:
                outcomes.append(forecast(sensor, *part, **options))
            except NotEnoughDataException as error:  # of what lies before the first measurements
                refusal = refusal or error
    if refusal is not None and not outcomes:
        raise refusal
    return sum(outcomes[1:], outcomes[0])


def _parts(start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Four weeks each: what is forecast does not depend on it."""
    from flexmeasures.utils.time_utils import as_utc, shift

    edges = [start]
    while as_utc(end) - as_utc(edges[-1]) > _PART:
        edges.append(shift(edges[-1], _PART))
    return list(itertools.pairwise([*edges, end]))


def _tell(sensor: Sensor, outcome: Outcome) -> None:
    for horizon, rungs in outcome.by_rung.items():
        assert horizon is not None
        ahead = _natural(horizon)
        click.echo(f"Saving {sum(rungs.values())} {ahead}-forecasts for {sensor.id}...")
        click.echo("  " + ", ".join(f"{count} by {rung}" for rung, count in rungs.items()))
    for note in outcome.notes:
        click.echo(f"  {note}")
    click.echo(f"  {outcome.new} values are new.")


def _training_period() -> str:
    from flask import current_app

    return f"{current_app.config['FLEXMEASURES_FORECASTING_HISTORY'].days} days at most"


def _natural(duration: timedelta) -> str:
    """
    >>> _natural(timedelta(days=2)), _natural(timedelta(hours=1))
    ('48 hours', '1 hour')
    """
    hours = duration // HOUR
    return "1 hour" if hours == 1 else f"{hours} hours"


def _count(sensors: Sequence[Sensor]) -> int:
    """How many forecasts of these sensors are stored; medians only."""
    from sqlalchemy import func, select

    from flexmeasures.data.config import db
    from flexmeasures.data.models.time_series import TimedBelief

    query = select(func.count()).where(
        TimedBelief.sensor_id.in_([sensor.id for sensor in sensors]),
        TimedBelief.belief_horizon > timedelta(0),
        TimedBelief.cumulative_probability == 0.5,
    )
    return db.session.scalar(query) or 0
