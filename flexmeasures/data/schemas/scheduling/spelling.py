"""Keys of flex-model and flex-context."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, pre_load

# No schema has nearly as many; a million unknown ones would take seconds to name.
_MOST_KEYS = 1000


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
        if not isinstance(config, Mapping):
            return config
        if len(config) > _MOST_KEYS:
            raise ValidationError(f"Has {len(config)} keys. At most {_MOST_KEYS} can be sent.")
        return hyphenated(config)
