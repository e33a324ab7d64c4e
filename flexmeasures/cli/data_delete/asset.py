"""`flexmeasures delete asset` and `delete sensor`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flexmeasures.cli.progress import waiting
from flexmeasures.cli.utils import confirm
from flexmeasures.data.schemas.generic_assets import GenericAssetIdField
from flexmeasures.data.schemas.sensors import SensorIdField

if TYPE_CHECKING:
    from flexmeasures.data.models.generic_assets import GenericAsset
    from flexmeasures.data.models.time_series import Sensor


@click.command("asset")
@click.option(
    "--id",
    "--asset-id",
    "asset",
    type=GenericAssetIdField(),
    required=True,
    help="ID of the asset.",
)
@click.option("--force/--no-force", default=False, help="Do not ask for confirmation.")
def delete_asset_and_data(asset: GenericAsset, force: bool) -> None:
    """Delete an asset, with its sensors and all their data.

    \b
    Example:
      flexmeasures delete asset --id 1
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.services.assets import delete_asset
    from flexmeasures.data.services.deletion import count_parts

    if not force:
        parts = ", ".join(f"{number} {noun}" for noun, number in count_parts(asset).items())
        confirm(f"Delete {asset!r}, including all its sensors and data?\nAffected: {parts}\n")
    with waiting("Deleting"):
        delete_asset(asset)
        db.session.commit()


@click.command("sensor")
@click.option(
    "--id", "--sensor-id", "sensor", type=SensorIdField(), required=True, help="ID of the sensor."
)
@click.option("--force/--no-force", default=False, help="Do not ask for confirmation.")
def delete_sensor(sensor: Sensor, force: bool) -> None:
    """Delete a sensor and all beliefs about it.

    \b
    Example:
      flexmeasures delete sensor --id 1
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.services import assets

    if not force:
        confirm(f"Delete {sensor!r}, along with {assets.number_of_beliefs(sensor)} beliefs?")
    with waiting("Deleting"):
        assets.delete_sensor(sensor)
        db.session.commit()
