"""Keys of flex-model and flex-context."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, pre_load


def hyphenated(config: Mapping[Any, Any]) -> dict[str, Any]:
    """Keys as documented; people also write them with underscores.

    >>> hyphenated({"soc_min": 1, "soc-max": 2})
    {'soc-min': 1, 'soc-max': 2}
    """
    return {str(key).replace("_", "-"): value for key, value in config.items()}


class FlexSchema(Schema):
    """A mapping with hyphenated keys, which become names with underscores."""

    @pre_load
    def _spell_keys(self, config: Any, **kwargs: Any) -> Any:
        return hyphenated(config) if isinstance(config, Mapping) else config
