"""What the commands that make schedules share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from flexmeasures.cli.utils import MsgStyle, abort
from flexmeasures.data.schemas.sensors import SensorIdField
from flexmeasures.data.schemas.times import AwareDateTimeField, DurationField

Command = TypeVar("Command", bound=Callable[..., Any])


class Config(click.ParamType):
    """A mapping in JSON or YAML, written out or in a file."""

    name = "JSON"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        text = str(value).strip()
        if not text.startswith(("{", "[")):
            try:
                text = Path(text).read_text(encoding="utf-8")
            except (OSError, ValueError) as error:
                self.fail(f"{value} is neither JSON nor a file that can be read: {error}")
        try:
            found = _parse(text)
        except (ValueError, RecursionError) as error:
            self.fail(f"This is neither JSON nor YAML: {error}", param, ctx)
        if not isinstance(found, dict):
            self.fail('Expected a mapping, such as {"soc-at-start": "5 kWh"}.', param, ctx)
        return found


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        pass
    import yaml

    class Loader(yaml.SafeLoader):
        """Leaves moments as the texts that fields read."""

    Loader.yaml_implicit_resolvers = {
        start: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for start, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def common_options(command: Command) -> Command:
    """Which sensor, when, with which prices; and how."""
    options = (
        click.option(
            "--sensor-id",
            "--sensor",
            "power_sensor",
            type=SensorIdField(),
            required=True,
            help="Schedule this power sensor.",
        ),
        click.option(
            "--start",
            type=AwareDateTimeField(),
            required=True,
            help="The schedule starts here. ISO 8601 with UTC offset, for example "
            "2026-11-25T07:00+01:00",
        ),
        click.option(
            "--duration",
            type=DurationField(),
            required=True,
            help="Duration of the schedule. ISO 8601, for example PT12H",
        ),
        click.option(
            "--consumption-price-sensor",
            type=SensorIdField(),
            help="Optimise against the prices of this sensor, for what is consumed.",
        ),
        click.option(
            "--flex-model",
            type=Config(),
            help="What the device can do: fields as in the API, in JSON or YAML, or the path of a "
            "file with these. Other options override them.",
        ),
        click.option(
            "--flex-context",
            type=Config(),
            help="What surrounds the device: likewise.",
        ),
        click.option(
            "--as-job",
            is_flag=True,
            help="Queue the work for a worker, instead of doing it now.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def spelled(config: dict[str, Any] | None) -> dict[str, Any]:
    """With hyphens, so that options can override fields."""
    return {str(key).replace("_", "-"): value for key, value in (config or {}).items()}


def check_power_sensor(sensor: Any) -> None:
    if not sensor.measures_power:
        abort(f"Sensor with ID {sensor.id} is not a power sensor.")


def end_of(start: Any, duration: Any) -> Any:
    """When a schedule ends. A usage error unless it takes time."""
    try:
        end = start + DurationField.ground_from(duration, start)
    except (ValueError, OverflowError) as error:
        raise click.UsageError("'--duration' is too long.") from error
    if end <= start:
        raise click.UsageError("A schedule takes time: '--duration' must be longer than PT0M.")
    return end


def schedule(sensor: Any, as_job: bool, **arguments: Any) -> None:
    """Make the schedule now, or queue it, and tell so."""
    from marshmallow import ValidationError

    from flexmeasures.data.config import db
    from flexmeasures.data.services.scheduling import create_scheduling_job, make_schedule
    from flexmeasures.utils.time_utils import server_now

    arguments |= {"resolution": sensor.event_resolution, "belief_time": server_now()}
    try:
        if as_job:
            job = create_scheduling_job(sensor, **arguments)
        else:
            make_schedule(sensor_id=sensor.id, **arguments)
    except ValidationError as error:
        abort("\n".join(_lines(error.messages)))
    db.session.commit()
    if as_job:
        message = f"New scheduling job {job.id} has been added to the queue."
    else:
        message = "New schedule is stored."
    click.secho(message, **MsgStyle.SUCCESS)


def _lines(messages: Any, where: str = "") -> list[str]:
    """Errors of fields, one a line: "soc-targets 0 value: Not a valid number." """
    if isinstance(messages, dict):
        return [
            line
            for key, inner in messages.items()
            for line in _lines(inner, f"{where} {key}".strip())
        ]
    if isinstance(messages, list):
        return [line for message in messages for line in _lines(message, where)]
    return [f"{where}: {messages}" if where else str(messages)]
