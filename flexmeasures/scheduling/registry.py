"""Which scheduler schedules a sensor."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from flexmeasures.scheduling.base import Scheduler

if TYPE_CHECKING:
    from flexmeasures.data.models.time_series import Sensor

STORAGE_TYPES = ("battery", "one-way_evse", "two-way_evse")


def find_scheduler_class(sensor: Sensor) -> type[Scheduler]:
    """The sensor's own custom scheduler, else the one for the type of its asset.

    Raises
    ------
    ValueError : there is none
    """
    if "custom-scheduler" in sensor.attributes:
        return load_custom_scheduler(sensor.attributes["custom-scheduler"])
    asset_type = sensor.generic_asset.generic_asset_type.name
    if asset_type in STORAGE_TYPES:
        from flexmeasures.scheduling.storage import StorageScheduler

        return StorageScheduler
    raise ValueError(
        f"Scheduling is not (yet) supported for asset type {asset_type}; it is for "
        f"{', '.join(STORAGE_TYPES)}, and for sensors with an attribute custom-scheduler."
    )


def load_custom_scheduler(scheduler_specs: dict[str, Any]) -> type[Scheduler]:
    """The class that `{"module": ..., "class": ...}` names.

    The module is the path of a file, or importable by its name.

    Raises
    ------
    AssertionError : keys or class are missing
    ModuleNotFoundError : there is no such module
    NotImplementedError : the class has no method `compute` of its own
    """
    assert isinstance(scheduler_specs, dict), (
        f"custom-scheduler should be a dict with keys module and class, but is {scheduler_specs!r}."
    )
    for key in ("module", "class"):
        assert key in scheduler_specs, f"custom-scheduler has no key '{key}'."
    class_name = scheduler_specs["class"]
    module = _load_module(scheduler_specs["module"], class_name)
    found = getattr(module, class_name, None)
    assert found is not None, f"{scheduler_specs['module']} has no class {class_name}."
    compute = getattr(found, "compute", None)
    if not inspect.isclass(found) or not callable(compute) or compute is Scheduler.compute:
        raise NotImplementedError(f"Scheduler class {class_name} should have a method `compute`.")
    return found  # type: ignore[return-value]  # duck typing is welcome here


def _load_module(name: str, class_name: str) -> ModuleType:
    path = Path(name)
    if not path.exists():
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location(class_name, path)
    assert spec is not None and spec.loader is not None, f"{name} is no Python file."
    module = importlib.util.module_from_spec(spec)
    sys.modules[class_name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[class_name]
        raise
    return module
