"""`flexmeasures add sensor`"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from flexmeasures.cli.utils import MsgStyle, abort, check_timezone
from flexmeasures.cli.values import check_errors, parse_json
from flexmeasures.data.schemas.times import ResolutionField


@click.command("sensor")
@click.option("--name", required=True, help="Name of the sensor, unique among those of the asset.")
@click.option("--unit", required=True, help="Unit of its values, for example MW, °C or EUR/MWh.")
@click.option(
    "--event-resolution",
    type=ResolutionField(),
    required=True,
    help="How long its events are, in minutes (or as ISO 8601 duration, such as PT15M); "
    "0 for instantaneous readings.",
)
@click.option("--timezone", required=True, help="Timezone, for example Europe/Amsterdam.")
@click.option("--asset-id", type=int, required=True, help="ID of the asset that gets the sensor.")
@click.option(
    "--attributes",
    default="{}",
    help="More about the sensor: a JSON object. Sensors that measure power need a capacity, "
    "for example '{\"capacity_in_mw\": 0.5}'",
)
def add_sensor(
    name: str,
    unit: str,
    event_resolution: timedelta,
    timezone: str,
    asset_id: int,
    attributes: str,
) -> None:
    """Add a sensor to an asset.

    \b
    Example:
      flexmeasures add sensor --name temperature --unit °C --event-resolution 15 \\
        --timezone Europe/Amsterdam --asset-id 1
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.models.generic_assets import GenericAsset
    from flexmeasures.data.schemas.sensors import NewSensorSchema, SensorSchema
    from flexmeasures.data.services.sensors import SensorRefused, create_sensor
    from flexmeasures.utils.time_utils import duration_isoformat
    from flexmeasures.utils.unit_utils import is_power_unit

    check_timezone(timezone)
    fields: dict[str, Any] = {
        "name": name,
        "unit": unit,
        "timezone": timezone,
        "event_resolution": duration_isoformat(event_resolution),
        "attributes": parse_json(attributes, "--attributes"),
    }
    check_errors(
        NewSensorSchema(exclude=["generic_asset_id"]).validate(fields)
        | SensorSchema(only=["generic_asset_id"]).validate({"generic_asset_id": asset_id})
    )
    if is_power_unit(unit) and "capacity_in_mw" not in fields["attributes"]:
        abort("A sensor which measures power needs a capacity (see --attributes).")
    asset = db.session.get_one(GenericAsset, asset_id)
    try:
        sensor = create_sensor(asset, **fields | {"event_resolution": event_resolution})
    except SensorRefused as error:
        check_errors({error.field: [str(error)]})
    db.session.commit()
    click.secho(f"Successfully created sensor with ID {sensor.id}", **MsgStyle.SUCCESS)
    click.secho(
        f"You can access it at its entity address {sensor.entity_address}", **MsgStyle.SUCCESS
    )
