"""Keys of flex-model and flex-context."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, pre_load

from flexmeasures.data.schemas.utils import FMValidationError

# No schema has nearly as many; a million unknown ones would take seconds to name.
_MOST_KEYS = 1000
MOST_VALUES = 50_000


def of_modest_size(config: Any) -> None:
    """Raise ValidationError if reading this flex-model or flex-context would take seconds.

    Nothing is read but how long lists and mappings are.
    """
    count, level = 0, [config]
    while level:
        inner: list[Any] = []
        for value in level:
            if isinstance(value, Mapping):
                _count_keys(value)
                inner += value.values()
            elif isinstance(value, (list, tuple)):
                inner += value
        count += len(inner)
        if count > MOST_VALUES:
            raise FMValidationError(f"Holds more than {MOST_VALUES} values.")
        level = inner


def _count_keys(config: Mapping[Any, Any]) -> None:
    if len(config) > _MOST_KEYS:
        raise FMValidationError(f"Has {len(config)} keys. At most {_MOST_KEYS} can be sent.")


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
        _count_keys(config)
        return hyphenated(config)
