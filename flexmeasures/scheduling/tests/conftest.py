"""Tests of schedulers use a real database, and leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask_sqlalchemy import SQLAlchemy


@pytest.fixture
def session(db: SQLAlchemy) -> Iterator[None]:
    """Nothing of a test is committed."""
    yield
    db.session.rollback()
