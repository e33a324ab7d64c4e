"""Asset types, some of which every FlexMeasures knows."""

from __future__ import annotations

from sqlalchemy import select

from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAssetType
from flexmeasures.data.services.utils import explaining

# In this order: examples that people have written down count on the ids that it gives.
DEFAULT_ASSET_TYPES = {
    "solar": "solar panel(s)",
    "wind": "wind turbine",
    "one-way_evse": "uni-directional Electric Vehicle Supply Equipment",
    "two-way_evse": "bi-directional Electric Vehicle Supply Equipment",
    "battery": "stationary battery",
    "building": "building",
}


class AssetTypeExists(ValueError):
    """The name is taken."""


def create_asset_type(name: str, description: str | None = None) -> GenericAssetType:
    """Add an asset type. Raises AssetTypeExists."""
    taken = AssetTypeExists(f"Asset type '{name}' already exists.")
    with explaining({"generic_asset_type_name_key": taken}):
        asset_type = GenericAssetType(name=name, description=description)
        db.session.add(asset_type)
        db.session.flush()
    return asset_type


def add_default_asset_types() -> tuple[dict[str, GenericAssetType], list[str]]:
    """Make sure that the default asset types exist.

    Returns
    -------
    All default types by name, and the names of those that existed already.
    """
    query = select(GenericAssetType).where(GenericAssetType.name.in_(DEFAULT_ASSET_TYPES))
    found = {asset_type.name: asset_type for asset_type in db.session.scalars(query)}
    types = {
        name: found.get(name) or GenericAssetType(name=name, description=description)
        for name, description in DEFAULT_ASSET_TYPES.items()
    }
    db.session.add_all(types.values())
    db.session.flush()
    return types, [name for name in types if name in found]
