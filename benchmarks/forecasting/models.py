"""The models that are judged, by the terms that users know, or by the name of their class."""

from __future__ import annotations

import importlib
from typing import Any

from flexmeasures.forecasting.engine.model import Model

_REGISTRY = "flexmeasures.forecasting.registry"


def find(term: str) -> Model:
    """By a term such as `auto`, or by `module.path:attribute`: a model, or what makes one."""
    if ":" in term:
        module, _, name = term.partition(":")
        found: Any = getattr(importlib.import_module(module), name)
        return found() if isinstance(found, type) or not hasattr(found, "fit") else found
    model: Model = importlib.import_module(_REGISTRY).find_model(term)[0]
    return model


def label(term: str, mode: str) -> str:
    """A model with what it is told besides the series: "auto+forecast"."""
    name = term.rpartition(":")[2]
    return name if mode == "none" else f"{name}+{mode}"
