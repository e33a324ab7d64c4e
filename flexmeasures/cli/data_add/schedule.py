"""`flexmeasures add schedule ...`"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from marshmallow.validate import Range

from flexmeasures.cli.utils import DeprecatedDefaultGroup, MsgStyle, abort, warn
from flexmeasures.data.schemas.sensors import SensorIdField
from flexmeasures.data.schemas.times import AwareDateTimeField, DurationField
from flexmeasures.data.schemas.units import QuantityField

if TYPE_CHECKING:
    from pint import Quantity

    from flexmeasures.data.models.time_series import Sensor


@click.group(
    "schedule",
    cls=DeprecatedDefaultGroup,
    default="for-storage",
    deprecation_message="The command 'flexmeasures add schedule' is deprecated. "
    "Please use `flexmeasures add schedule for-storage` instead.",
)
def create_schedule() -> None:
    """Create a new schedule for a given power sensor."""


def share() -> QuantityField:
    """The type of options that take 50% or 0.5"""
    return QuantityField("%", validate=Range(min=0, max=1))


@create_schedule.command("for-storage")
@click.option(
    "--sensor-id",
    "power_sensor",
    type=SensorIdField(),
    required=True,
    help="Schedule this power sensor.",
)
@click.option(
    "--consumption-price-sensor",
    type=SensorIdField(),
    help="Optimise against the prices of this sensor, for what is consumed.",
)
@click.option(
    "--production-price-sensor",
    type=SensorIdField(),
    help="Likewise for what is produced. Defaults to the consumption price sensor.",
)
@click.option(
    "--optimization-context-id",
    type=SensorIdField(),
    help="Deprecated: use --consumption-price-sensor.",
)
@click.option(
    "--inflexible-device-sensor",
    "inflexible_device_sensors",
    type=SensorIdField(),
    multiple=True,
    help="Take into account the power of this sensor, behind the same grid connection. "
    "Can be given several times.",
)
@click.option(
    "--start",
    type=AwareDateTimeField(),
    required=True,
    help="The schedule starts here. ISO 8601 with UTC offset, for example 2026-11-25T07:00+01:00",
)
@click.option(
    "--duration",
    type=DurationField(),
    required=True,
    help="Duration of the schedule. ISO 8601, for example PT12H",
)
@click.option(
    "--soc-at-start",
    type=share(),
    required=True,
    help="State of charge at the start, as a share of max_soc_in_mwh: 50% or 0.5",
)
@click.option(
    "--soc-target",
    "soc_targets",
    type=(share(), AwareDateTimeField()),
    multiple=True,
    metavar="SHARE DATETIME",
    help="State of charge to reach, and when: 100% 2026-11-25T19:00+01:00. "
    "Can be given several times.",
)
@click.option("--soc-min", type=share(), help="Never below this state of charge.")
@click.option("--soc-max", type=share(), help="Never above this state of charge.")
@click.option(
    "--roundtrip-efficiency",
    type=share(),
    default="100%",
    help="Share of the stored energy that comes out again. Defaults to 100%.",
)
def add_schedule_for_storage(
    power_sensor: Sensor,
    consumption_price_sensor: Sensor | None,
    production_price_sensor: Sensor | None,
    optimization_context_id: Sensor | None,
    inflexible_device_sensors: Sequence[Sensor],
    start: datetime,
    duration: Any,
    soc_at_start: Quantity,
    soc_targets: Sequence[tuple[Quantity, datetime]],
    soc_min: Quantity | None,
    soc_max: Quantity | None,
    roundtrip_efficiency: Quantity,
) -> None:
    """Create a new schedule for a storage asset, such as a battery or a charge point.

    \b
    Example:
      flexmeasures add schedule for-storage --sensor-id 1 --consumption-price-sensor 2 \\
        --start 2026-11-25T07:00+01:00 --duration PT12H \\
        --soc-at-start 50% --roundtrip-efficiency 90%
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.services.scheduling import make_schedule
    from flexmeasures.utils.time_utils import server_now

    if optimization_context_id is not None:
        warn(
            "The option --optimization-context-id is deprecated. "
            "Please use --consumption-price-sensor instead."
        )
        consumption_price_sensor = consumption_price_sensor or optimization_context_id
    if consumption_price_sensor is None:
        raise click.UsageError("Missing option '--consumption-price-sensor'.")
    end = start + DurationField.ground_from(duration, start)
    if end <= start:
        raise click.UsageError("A schedule takes time: '--duration' must be longer than PT0M.")
    if not power_sensor.measures_power:
        abort(f"Sensor with ID {power_sensor.id} is not a power sensor.")
    if power_sensor.id in {sensor.id for sensor in inflexible_device_sensors}:
        abort(f"Sensor with ID {power_sensor.id} is to be scheduled, so it is not inflexible.")
    capacity = power_sensor.get_attribute("max_soc_in_mwh")
    if isinstance(capacity, bool) or not isinstance(capacity, (int, float)):
        abort(f"Sensor {power_sensor.name} has no max_soc_in_mwh attribute.")

    def in_mwh(part: Quantity | None) -> float | None:
        return None if part is None else part.to("").magnitude * capacity

    production_price_sensor = production_price_sensor or consumption_price_sensor
    make_schedule(
        sensor_id=power_sensor.id,
        start=start,
        end=end,
        resolution=power_sensor.event_resolution,
        belief_time=server_now(),
        flex_model={
            "soc-at-start": in_mwh(soc_at_start),
            "soc-targets": [
                {"value": in_mwh(part), "datetime": moment.isoformat()}
                for part, moment in soc_targets
            ],
            "soc-min": in_mwh(soc_min),
            "soc-max": in_mwh(soc_max),
            "soc-unit": "MWh",
            "roundtrip-efficiency": roundtrip_efficiency.to("").magnitude,
        },
        flex_context={
            "consumption-price-sensor": consumption_price_sensor.id,
            "production-price-sensor": production_price_sensor.id,
            "inflexible-device-sensors": [sensor.id for sensor in inflexible_device_sensors],
        },
    )
    db.session.commit()
    click.secho("New schedule is stored.", **MsgStyle.SUCCESS)
