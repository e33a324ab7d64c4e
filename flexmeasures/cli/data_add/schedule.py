"""`flexmeasures add schedule ...`"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from marshmallow.validate import Range

from flexmeasures.cli.data_add.schedule_options import (
    check_power_sensor,
    common_options,
    end_of,
    schedule,
    spelled,
)
from flexmeasures.cli.data_add.schedule_process import add_schedule_for_process
from flexmeasures.cli.utils import DeprecatedDefaultGroup, abort, warn
from flexmeasures.data.schemas.sensors import SensorIdField
from flexmeasures.data.schemas.times import AwareDateTimeField
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
@common_options
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
    "--soc-at-start",
    type=share(),
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
    help="Share of the stored energy that comes out again. Defaults to 100%.",
)
def add_schedule_for_storage(
    power_sensor: Sensor,
    start: datetime,
    duration: Any,
    consumption_price_sensor: Sensor | None,
    flex_model: dict[str, Any] | None,
    flex_context: dict[str, Any] | None,
    as_job: bool,
    production_price_sensor: Sensor | None,
    optimization_context_id: Sensor | None,
    inflexible_device_sensors: Sequence[Sensor],
    soc_at_start: Quantity | None,
    soc_targets: Sequence[tuple[Quantity, datetime]],
    soc_min: Quantity | None,
    soc_max: Quantity | None,
    roundtrip_efficiency: Quantity | None,
) -> None:
    """Create a new schedule for a storage asset, such as a battery or a charge point.

    \b
    Example:
      flexmeasures add schedule for-storage --sensor-id 1 --consumption-price-sensor 2 \\
        --start 2026-11-25T07:00+01:00 --duration PT12H \\
        --soc-at-start 50% --roundtrip-efficiency 90%

    \b
    All other fields of the API can be given, too, for example with
      --flex-model '{"soc-at-start": "5 kWh", "soc-minima": [...]}' \\
      --flex-context context.json
    """
    if optimization_context_id is not None:
        warn(
            "The option --optimization-context-id is deprecated. "
            "Please use --consumption-price-sensor instead."
        )
        consumption_price_sensor = consumption_price_sensor or optimization_context_id
    if soc_at_start is None and flex_model is None:
        raise click.UsageError("Missing option '--soc-at-start' (or '--flex-model').")
    if consumption_price_sensor is None and flex_context is None:
        raise click.UsageError("Missing option '--consumption-price-sensor' (or '--flex-context').")
    end = end_of(start, duration)
    check_power_sensor(power_sensor)
    if power_sensor.id in {sensor.id for sensor in inflexible_device_sensors}:
        abort(f"Sensor with ID {power_sensor.id} is to be scheduled, so it is not inflexible.")
    shares = {"soc-at-start": soc_at_start, "soc-min": soc_min, "soc-max": soc_max}
    schedule(
        power_sensor,
        as_job,
        start=start,
        end=end,
        flex_model=spelled(flex_model)
        | _state_of_charge(power_sensor, shares, soc_targets)
        | _efficiency(roundtrip_efficiency, flex_model),
        flex_context=_context(
            spelled(flex_context),
            consumption_price_sensor,
            production_price_sensor,
            inflexible_device_sensors,
        ),
    )


def _state_of_charge(
    sensor: Sensor,
    shares: dict[str, Quantity | None],
    targets: Sequence[tuple[Quantity, datetime]],
) -> dict[str, Any]:
    """Shares of what the device can hold, as MWh."""
    given = {key: share for key, share in shares.items() if share is not None}
    if not given and not targets:
        return {}
    capacity = sensor.get_attribute("max_soc_in_mwh")
    if isinstance(capacity, bool) or not isinstance(capacity, (int, float)):
        abort(f"Sensor {sensor.name} has no max_soc_in_mwh attribute.")

    def energy(part: Quantity) -> str:
        return f"{part.to('').magnitude * capacity!r} MWh"

    model: dict[str, Any] = {key: energy(part) for key, part in given.items()}
    if targets:
        model["soc-targets"] = [
            {"value": energy(part), "datetime": moment.isoformat()} for part, moment in targets
        ]
    return model


def _efficiency(efficiency: Quantity | None, flex_model: Any) -> dict[str, float]:
    if efficiency is not None:
        return {"roundtrip-efficiency": float(efficiency.to("").magnitude)}
    return {} if flex_model is not None else {"roundtrip-efficiency": 1.0}


def _context(
    context: dict[str, Any],
    buying: Sensor | None,
    selling: Sensor | None,
    inflexible: Sequence[Sensor],
) -> dict[str, Any]:
    """A flex-context, with what the options say in place of its own prices."""
    for name, sensor in (("consumption-price", buying), ("production-price", selling)):
        if sensor is not None:
            context.pop(name, None)
            context[f"{name}-sensor"] = sensor.id
    if inflexible:
        context["inflexible-device-sensors"] = [sensor.id for sensor in inflexible]
    return context


create_schedule.add_command(add_schedule_for_process)
