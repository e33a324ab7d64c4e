"""Worlds in a database, and a model that is easy to reckon with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.forecasting import registry
from flexmeasures.forecasting.tests.worlds import Latest, World, make_world


@pytest.fixture
def new_world(db: SQLAlchemy) -> Iterator[Callable[..., World]]:
    """Makes worlds; what is done in them is undone."""
    yield make_world
    db.session.rollback()


@pytest.fixture
def latest(monkeypatch: pytest.MonkeyPatch) -> Latest:
    """The model "latest", which is in the registry for the test."""
    model = Latest()
    entry: Any = lambda: (model, "latest model v1", None)  # noqa: E731
    monkeypatch.setitem(registry.model_map, "latest", entry)
    return model
