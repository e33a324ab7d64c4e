"""Models, the beliefs store, schemas and use cases.

`flexmeasures.data.db` is the database handle, offered here to plugins; inside the package it is
imported from its home, `flexmeasures.data.config`.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "db":
        from flexmeasures.data.config import db

        return db
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
