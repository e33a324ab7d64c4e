"""Groups of assets, for plugins."""

from __future__ import annotations

from typing import Any

import inflection

from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.queries import generic_assets
from flexmeasures.utils.coding_utils import deprecated
from flexmeasures.utils.flexmeasures_inflection import (
    capitalize,
    join_words_into_a_list,
    parameterize,
    pluralize,
)


class AssetGroup:
    """Assets that a query finds, or those that have this name.

    name : of a group, a type (also in the plural) or an asset
    asset_query : a query of Flask-SQLAlchemy
    """

    def __init__(self, name: str, asset_query: Any | None = None) -> None:
        self.name = name
        if asset_query is None:
            types = generic_assets.query_assets_by_type([name, inflection.singularize(name)])
            named = GenericAsset.query.filter_by(name=name)
            asset_query = named if types.first() is None else types
        self.assets: list[GenericAsset] = asset_query.all()

    @property
    def count(self) -> int:
        return len(self.assets)

    @property
    def is_unique_asset(self) -> bool:
        """Is it one asset, called like the group?"""
        return [asset.name for asset in self.assets] == [self.name]

    @property
    def unique_asset_types(self) -> list[GenericAssetType]:
        return list(dict.fromkeys(asset.generic_asset_type for asset in self.assets))

    @property
    def unique_asset_type_names(self) -> list[str]:
        return [kind.name for kind in self.unique_asset_types]

    @property
    def display_name(self) -> str:
        """For people; a single asset is called what it is called."""
        return self.name if self.is_unique_asset else capitalize(self.name)

    @property
    def hover_label(self) -> str | None:
        """What kinds of assets these are, if somebody has described them."""
        labels = [kind.description for kind in self.unique_asset_types if kind.description]
        return capitalize(join_words_into_a_list(labels)) if labels else None

    @property
    def parameterized_name(self) -> str:
        """For addresses and ids."""
        return parameterize(self.name)

    def __str__(self) -> str:
        return self.display_name if self.is_unique_asset else pluralize(self.display_name)


get_asset_group_queries = deprecated(
    "flexmeasures.data.queries.generic_assets.get_asset_group_queries"
)(generic_assets.get_asset_group_queries)
