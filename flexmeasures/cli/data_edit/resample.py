"""`flexmeasures edit resample-data`"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from flexmeasures.cli.progress import waiting
from flexmeasures.cli.utils import MsgStyle, abort, confirm, warn
from flexmeasures.cli.values import ids_of, parse_moment

if TYPE_CHECKING:
    from flexmeasures.data.models.time_series import Sensor
    from flexmeasures.data.services.resampling import Resampling

    Window = tuple[datetime | None, datetime | None]


@click.command("resample-data")
@click.option(
    "--sensor-id",
    "sensor_ids",
    type=int,
    multiple=True,
    required=True,
    callback=ids_of("sensor"),
    help="Resample the data of this sensor. Can be given several times.",
)
@click.option(
    "--event-resolution",
    "event_resolution_in_minutes",
    type=click.IntRange(1, 1_000_000),
    required=True,
    help="How long events should be, in minutes.",
)
@click.option(
    "--from",
    "start",
    help="Resample from here only. A day, or a day and time; without a UTC offset on the clock of "
    "the sensor. Data before it will count as if it had the new resolution.",
)
@click.option("--until", "end", help="Resample until here only, likewise.")
@click.option(
    "--skip-integrity-check",
    is_flag=True,
    help="Do not show data before and after, and do not ask for confirmation.",
)
def resample_sensor_data(
    sensor_ids: tuple[int, ...],
    event_resolution_in_minutes: int,
    start: str | None,
    end: str | None,
    skip_integrity_check: bool,
) -> None:
    """Give sensors another event resolution, and resample all their data to it.

    Longer events hold the mean of the shorter ones; shorter ones repeat the value of the longer
    one. Either all sensors are changed, or none is.

    \b
    Example:
      flexmeasures edit resample-data --sensor-id 1 --event-resolution 60
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.services.resampling import CannotResample, resample_sensor

    resolution = timedelta(minutes=event_resolution_in_minutes)
    sensors = _sensors_with_another_resolution(sensor_ids, resolution)
    windows = [_window(sensor, start, end) for sensor in sensors]
    try:
        if not skip_integrity_check:
            for sensor, window in zip(sensors, windows, strict=True):
                _confirm(sensor, resolution, window)
        db.session.rollback()  # what happened meanwhile should be seen
        for sensor, window in zip(sensors, windows, strict=True):
            with waiting(f"Resampling {sensor.name}"):
                done = resample_sensor(sensor, resolution, *window)
            if skip_integrity_check and done.left:
                warn(_about_the_rest(sensor, resolution, done))
    except CannotResample as error:
        db.session.rollback()
        abort(str(error))
    db.session.commit()
    click.secho("Successfully resampled sensor data.", **MsgStyle.SUCCESS)


def _sensors_with_another_resolution(
    sensor_ids: Sequence[int], resolution: timedelta
) -> list[Sensor]:
    """In the order of their ids, in which they are locked."""
    from sqlalchemy import select

    from flexmeasures.data.config import db
    from flexmeasures.data.models.time_series import Sensor

    query = select(Sensor).where(Sensor.id.in_(sensor_ids)).order_by(Sensor.id)
    sensors = []
    for sensor in db.session.scalars(query):
        if sensor.event_resolution == resolution:
            click.echo(f"{sensor.name} already has the desired event resolution.")
        else:
            sensors.append(sensor)
    return sensors


def _window(sensor: Sensor, start: str | None, end: str | None) -> Window:
    first = None if start is None else parse_moment(start, sensor.timezone, "--from")
    last = None if end is None else parse_moment(end, sensor.timezone, "--until")
    if first is not None and last is not None and last <= first:
        raise click.BadParameter("This is not after the start (--from).", param_hint="--until")
    return first, last


def _confirm(sensor: Sensor, resolution: timedelta, window: Window) -> None:
    from flexmeasures.data.config import db
    from flexmeasures.data.services.resampling import preview_resampling

    with waiting(f"Trying it on {sensor.name}"):
        data = preview_resampling(sensor, resolution, *window)
    question = (
        f"Data before:\n{data.before}\nData after:\n{data.after}\n"
        f"Mean before: {data.before['event_value'].mean()}\n"
        f"Mean after: {data.after['event_value'].mean()}\n"
        f"{len(data.before)} beliefs of sensor {sensor.id} become {len(data.after)}.\n"
    )
    if data.left:
        question += f"{_about_the_rest(sensor, resolution, data)}\n"
    if sensor.event_resolution < resolution:
        question = (
            f"Downsampling {sensor.name} to {resolution} will result in a loss of data. {question}"
        )
    db.session.rollback()  # no transaction stays open while somebody thinks
    confirm(f"{question}Continue?")


def _about_the_rest(sensor: Sensor, resolution: timedelta, data: Resampling) -> str:
    return (
        f"{data.left} beliefs of {sensor.name} are outside of the window: they stay, and will count"
        f" as beliefs about events of {resolution}."
    )
