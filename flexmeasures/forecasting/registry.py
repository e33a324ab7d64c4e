"""Which model or which class forecasts a sensor.

Models are known by search terms, and each names the term of the model that is next in line, for
events that it has no answer for. Plugins may add models to `model_map`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flexmeasures.utils.coding_utils import load_module

if TYPE_CHECKING:
    from flexmeasures.data.models.time_series import Sensor
    from flexmeasures.forecasting.base import Forecaster
    from flexmeasures.forecasting.engine.model import Model

DEFAULT_MODEL = "auto"


def _auto() -> tuple[Model, str, str | None]:
    from flexmeasures.forecasting.engine.auto import Auto

    return Auto(), "auto model v1", "linear-ols"


def _linear() -> tuple[Model, str, str | None]:
    from flexmeasures.forecasting.engine.linear import Linear

    return Linear(), "linear-OLS model v2", "seasonal-naive"


def _seasonal_naive() -> tuple[Model, str, str | None]:
    from flexmeasures.forecasting.engine.naive import SeasonalNaive

    return SeasonalNaive(), "seasonal-naive model v1", "naive"


def _naive() -> tuple[Model, str, str | None]:
    from flexmeasures.forecasting.engine.naive import Naive

    return Naive(), "naive model v1", "average"


def _average() -> tuple[Model, str, str | None]:
    from flexmeasures.forecasting.engine.naive import Average

    return Average(), "average model v1", None


model_map: dict[str, Callable[..., tuple[Model, str, str | None]]] = {
    "auto": _auto,
    "linear": _linear,
    "linear-ols": _linear,
    "seasonal-naive": _seasonal_naive,
    "naive": _naive,
    "average": _average,
}
"""By lower-case search term: makes (model, identifier, search term of the next in line or None)."""


def find_model(term: str) -> tuple[Model, str, str | None]:
    """The model of a search term (whose case does not matter), its identifier, and what is next.

    Raises Exception if there is none.
    """
    configure = model_map.get(str(term).lower())
    if configure is None:
        raise Exception(f"No model found for search term '{term}'")
    return configure()


def find_forecaster_class(sensor: Sensor) -> type[Forecaster]:
    """The custom forecaster of a sensor or of its asset, else the one that runs our own models.

    The attribute `custom-forecaster` is `{"module": ..., "class": ...}`; the module is the path of
    a file, or importable by its name.

    Raises
    ------
    ValueError : the attribute is something else, or there is no such class
    ModuleNotFoundError : there is no such module
    NotImplementedError : the class has no method `compute` of its own
    """
    for attributes in (sensor.attributes, sensor.generic_asset.attributes):
        if "custom-forecaster" in attributes:
            return load_custom_forecaster(attributes["custom-forecaster"])
    from flexmeasures.forecasting.forecaster import ModelForecaster

    return ModelForecaster


def load_custom_forecaster(specs: Any) -> type[Forecaster]:
    """The class that `{"module": ..., "class": ...}` names (errors as above)."""
    from flexmeasures.forecasting.base import Forecaster

    module_name, class_name = "", ""
    if isinstance(specs, dict):
        module_name, class_name = specs.get("module"), specs.get("class")  # type: ignore[assignment]
    if not all(isinstance(name, str) and name for name in (module_name, class_name)):
        raise ValueError(
            f"custom-forecaster should have a module and a class, both text, but is {specs!r}."
        )
    found = getattr(load_module(module_name, class_name), class_name, None)
    if not inspect.isclass(found) or not issubclass(found, Forecaster):
        raise ValueError(f"{module_name} has no class {class_name} that is a Forecaster.")
    own = (getattr(found, name) is not getattr(Forecaster, name) for name in ("compute", "rolling"))
    if not any(own):
        raise NotImplementedError(f"Forecaster class {class_name} should have a method `compute`.")
    return found
