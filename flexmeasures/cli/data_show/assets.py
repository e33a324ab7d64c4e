"""`flexmeasures show asset` and `show asset-types`"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from flexmeasures.cli.data_show.formats import Listing, format_option, print_data, print_listing
from flexmeasures.cli.data_show.layout import location, print_title
from flexmeasures.cli.utils import MsgStyle, abort
from flexmeasures.data.schemas.generic_assets import GenericAssetIdField

if TYPE_CHECKING:
    from flexmeasures.data.models.generic_assets import GenericAsset


@click.command("asset")
@click.option(
    "--id",
    "--asset-id",
    "asset",
    type=GenericAssetIdField(),
    required=True,
    help="ID of the asset.",
)
@format_option
def show_generic_asset(asset: GenericAsset, format_: str) -> None:
    """Show an asset and its sensors.

    \b
    Example:
      flexmeasures show asset --id 1
    """
    about = Listing(
        {"Type": None, "Location": location, "Attributes": _attributes},
        [(asset.generic_asset_type.name, asset.location, dict(asset.attributes))],
    )
    sensors = _sensors(asset)
    if format_ != "table":
        facts = {
            "id": asset.id,
            "name": asset.name,
            "account_id": asset.account_id,
            "parent_asset_id": asset.parent_asset_id,
        }
        shown = {"sensors": sensors} if format_ == "json" else {"about": about, "sensors": sensors}
        print_data(format_, shown, **facts, **about.records()[0])
        return
    print_title(f"Asset {asset.name} (ID: {asset.id})")
    about.print_table()
    click.echo()
    if not sensors.rows:
        abort("No sensors in asset ...", MsgStyle.WARN)
    click.echo("All sensors in asset:\n")
    sensors.print_table()


def _sensors(asset: GenericAsset) -> Listing:
    return Listing(
        {
            **dict.fromkeys(["ID", "Name", "Unit"]),
            "Resolution": _length,
            "Timezone": None,
            "Attributes": _attributes,
        },
        [
            (
                sensor.id,
                sensor.name,
                sensor.unit,
                sensor.event_resolution,
                sensor.timezone,
                dict(sensor.attributes),
            )
            for sensor in sorted(asset.sensors, key=lambda sensor: sensor.name)
        ],
    )


@click.command("asset-types")
@format_option
def list_asset_types(format_: str) -> None:
    """List the types that assets can have.

    \b
    Example:
      flexmeasures show asset-types
    """
    from sqlalchemy import select

    from flexmeasures.data.config import db
    from flexmeasures.data.models.generic_assets import GenericAssetType

    query = select(GenericAssetType).order_by(GenericAssetType.name)
    types = Listing(
        dict.fromkeys(["ID", "Name", "Description"]),
        [(type_.id, type_.name, type_.description) for type_ in db.session.scalars(query)],
    )
    if format_ == "table" and not types.rows:
        abort("No asset types created yet.", MsgStyle.WARN)
    print_listing(types, format_)


def _length(resolution: timedelta) -> str:
    import humanize

    return humanize.naturaldelta(resolution)


def _attributes(attributes: dict[str, Any]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in attributes.items())
