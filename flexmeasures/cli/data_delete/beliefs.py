"""`flexmeasures delete` measurements, prognoses, unchanged-beliefs and nan-beliefs"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from flexmeasures.cli.progress import waiting
from flexmeasures.cli.utils import MsgStyle, abort, confirm
from flexmeasures.data.schemas.sensors import SensorIdField
from flexmeasures.data.schemas.times import DurationField

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from flexmeasures.data.models.time_series import Sensor


def _with_force(command: Callable[..., None]) -> Callable[..., None]:
    text = "Do not ask for confirmation."
    return click.option("--force/--no-force", default=False, help=text)(command)


def _with_sensor(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--sensor-id",
        "sensor",
        type=SensorIdField(),
        help="Only about this sensor. Defaults to all sensors.",
    )(command)


def _with_age(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--older-than",
        "age",
        type=DurationField(),
        help="Only about events that started longer ago. ISO 8601, for example P2Y or P400D.",
    )(command)


def _going(sensor: Sensor | None, age: Any) -> list[ColumnElement[bool]]:
    """Criteria: of that sensor or any; if an age is given, about events that started before."""
    from flexmeasures.data.services import deletion
    from flexmeasures.utils.time_utils import server_now

    criteria = deletion.of_sensor(sensor)
    if age is None:
        return criteria
    try:
        moment = server_now() - age
    except (ValueError, OverflowError) as error:
        raise click.UsageError("'--older-than' is too long.") from error
    if moment > server_now():
        raise click.UsageError("'--older-than' must not be negative.")
    return [*criteria, deletion.starts_before(moment)]


@click.command("measurements")
@_with_sensor
@_with_age
@_with_force
def delete_measurements(sensor: Sensor | None, age: Any, force: bool) -> None:
    """Delete measurements: beliefs with a horizon of 0 or less (ex post).

    \b
    Example:
      flexmeasures delete measurements --sensor-id 1 --older-than P2Y
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.services import deletion

    going = [*_going(sensor, age), deletion.IS_MEASUREMENT]
    if not force:
        confirm(_question("measurements", deletion.count_beliefs(*going).total, sensor))
    click.echo(f"Deleting (time series) data from the database {db.engine} ...")
    with waiting("Deleting beliefs"):
        number = deletion.delete_beliefs(*going)
    db.session.commit()
    click.echo(f"Deleted {number} measurements (ex-post beliefs)")


@click.command("prognoses")
@_with_force
@_with_age
@_with_sensor
def delete_prognoses(sensor: Sensor | None, age: Any, force: bool) -> None:
    """Delete forecasts and schedules: beliefs with a horizon of more than 0 (ex ante).

    Those of all sensors go together with all jobs that wait to make more of them, unless only old
    ones go.

    \b
    Example:
      flexmeasures delete prognoses --sensor-id 1
      flexmeasures delete prognoses --older-than P90D --force
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.services import deletion
    from flexmeasures.data.services.jobs import find_queue

    going = [*_going(sensor, age), deletion.IS_PROGNOSIS]
    if not force:
        confirm(_question("prognoses", deletion.count_beliefs(*going).total, sensor))
    click.echo(
        f"Deleting (time series) forecasts and schedules data from the database {db.engine} ..."
    )
    with waiting("Deleting beliefs"):
        number = deletion.delete_beliefs(*going)
    if sensor is None and age is None:
        # Before the commit: if this fails, nothing is deleted.
        for queue, noun in (("forecasting", "Forecast"), ("scheduling", "Schedule")):
            click.echo(f"Deleted {find_queue(queue).empty()} {noun} Jobs")
    db.session.commit()
    click.echo(f"Deleted {number} forecasts (ex-ante beliefs)")


def _question(what: str, number: int, sensor: Sensor | None) -> str:
    from flexmeasures.data.config import db

    affected = f"{number} beliefs about {'all sensors' if sensor is None else repr(sensor)}"
    return f"Sure to delete all {what} from {db.engine}?\nAffected: {affected}\n"


def _sensor_to_clean(_: click.Context, __: click.Parameter, id_: int | None) -> Any:
    from flexmeasures.data.config import db
    from flexmeasures.data.models.time_series import Sensor
    from flexmeasures.data.schemas.ids import LARGEST_ID

    if id_ is None:
        return None
    sensor = db.session.get(Sensor, id_) if 0 < id_ <= LARGEST_ID else None
    if sensor is None:
        abort(f"Failed to delete any beliefs: no sensor found with id {id_}.")
    return sensor


@click.command("unchanged-beliefs")
@click.option(
    "--sensor-id",
    "sensor",
    type=int,
    callback=_sensor_to_clean,
    help="Only about this sensor. Defaults to all sensors.",
)
@click.option(
    "--delete-forecasts/--keep-forecasts",
    default=True,
    help="Whether to delete beliefs with a horizon of more than 0. Defaults to deleting them.",
)
@click.option(
    "--delete-measurements/--keep-measurements",
    default=True,
    help="Whether to delete beliefs with a horizon of 0 or less. Defaults to deleting them.",
)
@_with_force
def delete_unchanged_beliefs(
    sensor: Sensor | None, delete_forecasts: bool, delete_measurements: bool, force: bool
) -> None:
    """Delete beliefs that say the same as the previous belief of their source about the event.

    Measurements and forecasts are compared among themselves only. Newly added data has no such
    beliefs, unless it was added with them on purpose (as `flexmeasures add beliefs` does).

    \b
    Example:
      flexmeasures delete unchanged-beliefs --sensor-id 1 --keep-measurements
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.services import deletion

    scope, going = deletion.of_sensor(sensor), deletion.unchanged_of(sensor)
    if not delete_forecasts:
        going.append(deletion.IS_MEASUREMENT)
    if not delete_measurements:
        going.append(deletion.IS_PROGNOSIS)
    total = deletion.count_beliefs(*scope).total
    if not force:
        counts = deletion.count_beliefs(*going)
        confirm(
            f"Delete {counts.total} unchanged beliefs ({counts.measurements} measurements and"
            f" {counts.prognoses} forecasts) out of {total} beliefs?"
        )
    click.echo(f"{total} beliefs processed ...")
    with waiting("Deleting beliefs"):
        number = deletion.delete_beliefs(*going)
    click.echo(f"Removing {number} beliefs ...")
    left = deletion.count_beliefs(*scope).total
    db.session.commit()
    click.secho(f"Done! {left} beliefs left", **MsgStyle.SUCCESS)


@click.command("nan-beliefs")
@_with_sensor
@_with_force
def delete_nan_beliefs(sensor: Sensor | None, force: bool) -> None:
    """Delete beliefs whose value is NaN, that is, no number.

    \b
    Example:
      flexmeasures delete nan-beliefs --sensor-id 1
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.services import deletion

    scope = deletion.of_sensor(sensor)
    going = [*scope, deletion.IS_NAN]
    if not force:
        number, total = deletion.count_beliefs(*going).total, deletion.count_beliefs(*scope).total
        confirm(f"Delete {number} NaN beliefs out of {total} beliefs?")
    with waiting("Deleting beliefs"):
        deletion.delete_beliefs(*going)
    left = deletion.count_beliefs(*scope).total
    db.session.commit()
    click.secho(f"Done! {left} beliefs left", **MsgStyle.SUCCESS)
