"""The group `db` of Flask-Migrate. Alembic and SQLAlchemy are loaded when one of its commands runs.

The library's command line imports all of the library at once, which takes longer than it takes to
show help or complete a word. So while that module is loaded, a stand-in offers it functions that
import the library when they are called.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import click

_LIBRARY = "flask_migrate"


class _StandIn(ModuleType):
    """Has every function that the library has, or so it seems."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*args: Any, **kwargs: Any) -> Any:
            return getattr(importlib.import_module(_LIBRARY), name)(*args, **kwargs)

        return call


def _load() -> click.Group:
    if _LIBRARY in sys.modules:  # then it costs nothing more
        from flask_migrate.cli import db as group

        return group
    spec = importlib.util.find_spec(_LIBRARY)
    assert spec is not None
    stand_in = _StandIn(_LIBRARY)
    stand_in.__path__ = list(spec.submodule_search_locations or [])
    sys.modules[_LIBRARY] = stand_in
    try:
        return importlib.import_module(f"{_LIBRARY}.cli").db
    finally:
        del sys.modules[_LIBRARY]
        sys.modules.pop(f"{_LIBRARY}.cli", None)


db = _load()
