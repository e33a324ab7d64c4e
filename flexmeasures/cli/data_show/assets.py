"""`flexmeasures show asset` and `show asset-types`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from flexmeasures.cli.data_show.layout import location, print_title
from flexmeasures.cli.utils import MsgStyle, abort, print_table
from flexmeasures.data.schemas.generic_assets import GenericAssetIdField

if TYPE_CHECKING:
    from flexmeasures.data.models.generic_assets import GenericAsset


@click.command("asset")
@click.option("--id", "asset", type=GenericAssetIdField(), required=True, help="ID of the asset.")
def show_generic_asset(asset: GenericAsset) -> None:
    """Show an asset and its sensors."""
    import humanize

    print_title(f"Asset {asset.name} (ID: {asset.id})")
    print_table(
        [(asset.generic_asset_type.name, location(asset), _attributes(asset.attributes))],
        headers=["Type", "Location", "Attributes"],
    )
    click.echo()
    if not asset.sensors:
        click.secho("No sensors in asset ...", **MsgStyle.WARN)
        raise click.Abort
    click.echo("All sensors in asset:\n")
    print_table(
        [
            (
                sensor.id,
                sensor.name,
                sensor.unit,
                humanize.naturaldelta(sensor.event_resolution),
                sensor.timezone,
                _attributes(sensor.attributes),
            )
            for sensor in sorted(asset.sensors, key=lambda sensor: sensor.name)
        ],
        headers=["ID", "Name", "Unit", "Resolution", "Timezone", "Attributes"],
    )


@click.command("asset-types")
def list_asset_types() -> None:
    """List the types that assets can have."""
    from sqlalchemy import select

    from flexmeasures.data.config import db
    from flexmeasures.data.models.generic_assets import GenericAssetType

    types = db.session.scalars(select(GenericAssetType).order_by(GenericAssetType.name)).all()
    if not types:
        abort("No asset types created yet.", MsgStyle.WARN)
    print_table(
        [(asset_type.id, asset_type.name, asset_type.description) for asset_type in types],
        headers=["ID", "Name", "Description"],
    )


def _attributes(attributes: dict[str, Any]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in attributes.items())
