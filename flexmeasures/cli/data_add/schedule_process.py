"""`flexmeasures add schedule for-process`"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from flexmeasures.cli.data_add.schedule_options import (
    Config,
    check_power_sensor,
    common_options,
    end_of,
    schedule,
    spelled,
)
from flexmeasures.data.schemas.times import DurationField

if TYPE_CHECKING:
    from flexmeasures.data.models.time_series import Sensor


@click.command("for-process")
@common_options
@click.option(
    "--process-duration",
    type=DurationField(),
    help="How long the process takes. ISO 8601, for example PT4H",
)
@click.option(
    "--process-power",
    help='Its power while it runs: "15 kW", or a number in the unit of the sensor.',
)
@click.option(
    "--process-type",
    type=click.Choice(["INFLEXIBLE", "SHIFTABLE", "BREAKABLE"], case_sensitive=False),
    help="INFLEXIBLE (the default) runs at once, SHIFTABLE in one go when it is cheapest, "
    "BREAKABLE in pieces.",
)
@click.option(
    "--forbid",
    "restrictions",
    type=Config(),
    multiple=True,
    help='When it must not run: \'{"start": "2026-11-25T15:00+01:00", "duration": "PT2H"}\'. '
    "Can be given several times.",
)
@click.option(
    "--optimization-sense",
    type=click.Choice(["MIN", "MAX"], case_sensitive=False),
    help="Look for the lowest cost (the default) or for the highest.",
)
def add_schedule_for_process(
    power_sensor: Sensor,
    start: datetime,
    duration: Any,
    consumption_price_sensor: Sensor | None,
    flex_model: dict[str, Any] | None,
    flex_context: dict[str, Any] | None,
    as_job: bool,
    process_duration: Any,
    process_power: str | None,
    process_type: str | None,
    restrictions: Sequence[dict[str, Any]],
    optimization_sense: str | None,
) -> None:
    """Create a new schedule for a process: a load of constant power that runs for some time.

    \b
    Example:
      flexmeasures add schedule for-process --sensor-id 4 --consumption-price-sensor 1 \\
        --start 2026-11-25T00:00+01:00 --duration PT24H \\
        --process-duration PT4H --process-power "200 kW" --process-type SHIFTABLE
    """
    from flexmeasures.utils.time_utils import duration_isoformat

    end = end_of(start, duration)
    check_power_sensor(power_sensor)
    model, context = spelled(flex_model), spelled(flex_context)
    length = (
        None if process_duration is None else DurationField.ground_from(process_duration, start)
    )
    model |= {
        key: value
        for key, value in {
            "duration": None if length is None else duration_isoformat(length),
            "power": process_power,
            "process-type": process_type,
            "time-restrictions": list(restrictions) or None,
            "optimization-sense": optimization_sense,
        }.items()
        if value is not None
    }
    for key, option in (("power", "--process-power"), ("duration", "--process-duration")):
        if key not in model:
            raise click.UsageError(f"Missing option '{option}' (or '{key}' in '--flex-model').")
    if consumption_price_sensor is not None:
        context.pop("consumption-price", None)
        context["consumption-price-sensor"] = consumption_price_sensor.id
    schedule(power_sensor, as_job, start=start, end=end, flex_model=model, flex_context=context)
