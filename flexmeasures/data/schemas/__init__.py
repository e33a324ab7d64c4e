"""Shapes of input and output: marshmallow fields and schemas, for API, command line and models.

Fields serve as click types, too. The names that plugins use most are offered here.
"""

from __future__ import annotations

import importlib
from typing import Any

_PUBLIC = {
    "AccountIdField": ("account", "AccountIdField"),
    "AssetIdField": ("generic_assets", "GenericAssetIdField"),
    "AwareDateTimeField": ("times", "AwareDateTimeField"),
    "DurationField": ("times", "DurationField"),
    "LatitudeField": ("locations", "LatitudeField"),
    "LongitudeField": ("locations", "LongitudeField"),
    "QuantityField": ("units", "QuantityField"),
    "SensorIdField": ("sensors", "SensorIdField"),
    "SourceIdField": ("sources", "DataSourceIdField"),
}


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _PUBLIC[name]
    return getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
