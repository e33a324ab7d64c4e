"""Models, the beliefs store, schemas and use cases.

`flexmeasures.data.db` is the database handle, offered here to plugins; inside the package it is
imported from its home, `flexmeasures.data.config`. `flexmeasures.data.ma` is what plugins derive
schemas of their models from; it is Flask-Marshmallow's, and ours need it not.
"""

from __future__ import annotations

from functools import cache
from typing import Any


def __getattr__(name: str) -> Any:
    if name == "db":
        from flexmeasures.data.config import db

        return db
    if name == "ma":
        return _marshmallow()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _marshmallow() -> Any:
    from flask_marshmallow import Marshmallow

    return Marshmallow()
