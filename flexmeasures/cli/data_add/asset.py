"""`flexmeasures add asset` and `add asset-type`"""

from __future__ import annotations

from typing import Any

import click

from flexmeasures.cli.utils import MsgStyle, abort
from flexmeasures.cli.values import check_errors, parse_json
from flexmeasures.data.schemas.locations import LatitudeField, LongitudeField


@click.command("asset-type")
@click.option("--name", required=True, help="Name of the type, for example heat-pump.")
@click.option("--description", help="What assets of this type are.")
def add_asset_type(name: str, description: str | None) -> None:
    """Add a type that assets can have.

    \b
    Example:
      flexmeasures add asset-type --name heat-pump --description "Moves heat into buildings"
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.schemas.generic_assets import GenericAssetTypeSchema
    from flexmeasures.data.services.asset_types import AssetTypeExists, create_asset_type

    fields = {"name": name, "description": description}
    check_errors(GenericAssetTypeSchema().validate(fields))
    try:
        asset_type = create_asset_type(name, description)
    except AssetTypeExists as error:
        abort(str(error))
    db.session.commit()
    click.secho(f"Successfully created asset type with ID {asset_type.id}.", **MsgStyle.SUCCESS)
    click.secho("You can now assign assets to it.", **MsgStyle.SUCCESS)


@click.command("asset")
@click.option("--name", required=True, help="Name of the asset, unique within the account.")
@click.option(
    "--latitude", type=LatitudeField(), help="Latitude in degrees, with 7 decimals at most."
)
@click.option(
    "--longitude", type=LongitudeField(), help="Longitude in degrees, with 7 decimals at most."
)
@click.option("--account-id", type=int, help="ID of the account that owns the asset.")
@click.option(
    "--public",
    is_flag=True,
    help="Nobody owns the asset, and everybody may read it. Instead of --account-id.",
)
@click.option(
    "--asset-type-id",
    "generic_asset_type_id",
    type=int,
    required=True,
    help="ID of the type of the asset (see `flexmeasures show asset-types`).",
)
@click.option(
    "--parent-asset-id",
    type=int,
    help="ID of the asset that this one is part of. Then --account-id can be left out.",
)
@click.option("--attributes", help="More about the asset: a JSON object.")
def add_asset(account_id: int | None, public: bool, attributes: str | None, **fields: Any) -> None:
    """Add an asset: a thing or a place, which can have sensors.

    \b
    Examples:
      flexmeasures add asset --name battery --account-id 1 --asset-type-id 5 \\
        --latitude 52.374 --longitude 4.88969
      flexmeasures add asset --name "German weather" --public --asset-type-id 6
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.schemas.generic_assets import GenericAssetSchema
    from flexmeasures.data.services.assets import AssetRefused, create_asset

    fields = {name: value for name, value in fields.items() if value is not None}
    if attributes is not None:
        fields["attributes"] = parse_json(attributes, "--attributes")
    if public and account_id is not None:
        raise click.UsageError("Public assets have no owner: pass --public or --account-id.")
    if account_id is not None:
        fields["account_id"] = account_id
    elif not public and "parent_asset_id" not in fields:
        raise click.UsageError("Missing option '--account-id' (or --public).")
    check_errors(GenericAssetSchema().validate(fields))
    if "parent_asset_id" in fields:
        fields["account_id"] = _owner_of_parent(fields["parent_asset_id"], account_id, public)
    try:
        asset = create_asset(**fields)
    except AssetRefused as error:
        check_errors({error.field: [str(error)]})
    db.session.commit()
    click.secho(f"Successfully created asset with ID {asset.id}.", **MsgStyle.SUCCESS)
    click.secho("You can now assign sensors to it.", **MsgStyle.SUCCESS)


def _owner_of_parent(parent_id: int, account_id: int | None, public: bool) -> int | None:
    """To whom a part has to belong; aborts if it is not to whom it should."""
    from flexmeasures.data.config import db
    from flexmeasures.data.models.generic_assets import GenericAsset
    from flexmeasures.data.schemas.ids import missing_ids

    if missing_ids(GenericAsset, [parent_id]):
        check_errors({"parent_asset_id": [f"No asset found with id {parent_id}."]})
    owner = db.session.get_one(GenericAsset, parent_id).account_id
    if (account_id is not None or public) and owner != account_id:
        check_errors({"parent_asset_id": ["The parent should belong to the same account."]})
    return owner
