"""Which scheduler schedules a sensor, or the devices of an asset."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flexmeasures.scheduling.base import Scheduler
from flexmeasures.utils.coding_utils import load_module

if TYPE_CHECKING:
    from flexmeasures.data.models.generic_assets import GenericAsset
    from flexmeasures.data.models.time_series import Sensor

STORAGE_TYPES = ("battery", "one-way_evse", "two-way_evse")
PROCESS_TYPES = ("process", "load")
# Attributes that only storage has.
_STORAGE_ATTRIBUTES = ("soc_in_mwh", "min_soc_in_mwh", "max_soc_in_mwh")


def find_scheduler_class(target: Sensor | GenericAsset, flex_model: Any = None) -> type[Scheduler]:
    """The custom scheduler of a sensor or asset, else the one for the type of the asset.

    A flex-model with a duration is that of a process, whatever the type of the asset. Other types
    than storage and processes have the storage scheduler, too, if a flex-model is sent
    or stored, or an attribute tells of storage; and so do assets whose devices are to be scheduled.

    Raises
    ------
    ValueError : there is none
    """
    from flexmeasures.data.models.generic_assets import GenericAsset

    is_asset = isinstance(target, GenericAsset)
    asset: GenericAsset = target if isinstance(target, GenericAsset) else target.generic_asset
    for attributes in (target.attributes, asset.attributes):
        if "custom-scheduler" in attributes:
            return load_custom_scheduler(attributes["custom-scheduler"])
    asset_type = asset.generic_asset_type.name
    if asset_type in PROCESS_TYPES or _is_of_process(flex_model):
        return _OWN["ProcessScheduler"]()
    if (
        asset_type in STORAGE_TYPES
        or is_asset
        or flex_model
        or asset.flex_model
        or any(name in {**asset.attributes, **target.attributes} for name in _STORAGE_ATTRIBUTES)
    ):
        return _OWN["StorageScheduler"]()
    raise ValueError(
        f"Scheduling is not (yet) supported for asset type {asset_type}; it is for "
        f"{', '.join(STORAGE_TYPES + PROCESS_TYPES)}, for sensors with an attribute"
        " custom-scheduler, and for others if a flex-model says what they can do."
    )


def _is_of_process(flex_model: Any) -> bool:
    """Does it have the field that every process needs, and nothing else has?"""
    return isinstance(flex_model, Mapping) and "duration" in flex_model


def _storage_scheduler() -> type[Scheduler]:
    from flexmeasures.scheduling.storage import StorageScheduler

    return StorageScheduler


def _process_scheduler() -> type[Scheduler]:
    from flexmeasures.scheduling.process import ProcessScheduler

    return ProcessScheduler


_OWN = {"StorageScheduler": _storage_scheduler, "ProcessScheduler": _process_scheduler}


def load_custom_scheduler(scheduler_specs: dict[str, Any] | str) -> type[Scheduler]:
    """The class that `{"module": ..., "class": ...}` names.

    The module is the path of a file, or importable by its name. Just a name is that of one of our
    own classes.

    Raises
    ------
    AssertionError : keys or class are missing
    ModuleNotFoundError : there is no such module
    NotImplementedError : the class has no method `compute` of its own
    """
    if isinstance(scheduler_specs, str) and scheduler_specs in _OWN:
        return _OWN[scheduler_specs]()
    assert isinstance(scheduler_specs, dict), (
        f"custom-scheduler should be a dict with keys module and class, but is {scheduler_specs!r}."
    )
    for key in ("module", "class"):
        assert key in scheduler_specs, f"custom-scheduler has no key '{key}'."
    class_name = scheduler_specs["class"]
    module = load_module(scheduler_specs["module"], class_name)
    found = getattr(module, class_name, None)
    assert found is not None, f"{scheduler_specs['module']} has no class {class_name}."
    compute = getattr(found, "compute", None)
    if not inspect.isclass(found) or not callable(compute) or compute is Scheduler.compute:
        raise NotImplementedError(f"Scheduler class {class_name} should have a method `compute`.")
    return found  # type: ignore[return-value]  # duck typing is welcome here
