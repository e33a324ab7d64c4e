"""FlexMeasures: times flexible energy assets well, from data over forecasts to schedules.

The public names below are loaded on first use, so that importing the package stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.metadata import version as version

    from flexmeasures.data.models.annotations import Annotation as Annotation
    from flexmeasures.data.models.data_sources import DataSource as Source
    from flexmeasures.data.models.generic_assets import GenericAsset as Asset
    from flexmeasures.data.models.generic_assets import GenericAssetType as AssetType
    from flexmeasures.data.models.time_series import Sensor as Sensor
    from flexmeasures.data.models.user import Account as Account
    from flexmeasures.data.models.user import AccountRole as AccountRole
    from flexmeasures.data.models.user import Role as UserRole
    from flexmeasures.data.models.user import User as User
    from flexmeasures.forecasting.base import Forecaster as Forecaster
    from flexmeasures.scheduling.base import Scheduler as Scheduler

    __version__: str

_HOMES = {
    "Account": "flexmeasures.data.models.user:Account",
    "AccountRole": "flexmeasures.data.models.user:AccountRole",
    "Annotation": "flexmeasures.data.models.annotations:Annotation",
    "Asset": "flexmeasures.data.models.generic_assets:GenericAsset",
    "AssetType": "flexmeasures.data.models.generic_assets:GenericAssetType",
    "Forecaster": "flexmeasures.forecasting.base:Forecaster",
    "Scheduler": "flexmeasures.scheduling.base:Scheduler",
    "Sensor": "flexmeasures.data.models.time_series:Sensor",
    "Source": "flexmeasures.data.models.data_sources:DataSource",
    "User": "flexmeasures.data.models.user:User",
    "UserRole": "flexmeasures.data.models.user:Role",
    "version": "importlib.metadata:version",
}

__all__ = [
    "Account",
    "AccountRole",
    "Annotation",
    "Asset",
    "AssetType",
    "Forecaster",
    "Scheduler",
    "Sensor",
    "Source",
    "User",
    "UserRole",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value: Any = _installed_version()
    elif name in _HOMES:
        module, _, attribute = _HOMES[name].partition(":")
        value = getattr(importlib.import_module(module), attribute)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, "__version__"})


def _installed_version() -> str:
    """Version of the installed distribution; `Unknown` if the code runs without one."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("flexmeasures")
    except PackageNotFoundError:
        return "Unknown"
