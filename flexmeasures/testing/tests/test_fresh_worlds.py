"""The same worlds, for one test: in a module of its own, as `fresh_db` empties what `db` shares."""

from __future__ import annotations

import pytest
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.testing.tests.test_worlds import WORLDS


@pytest.mark.parametrize("name", WORLDS)
def test_each_on_its_own(request: pytest.FixtureRequest, fresh_db: SQLAlchemy, name: str) -> None:
    for one in request.getfixturevalue(f"{name}_fresh_db").values():
        assert one in fresh_db.session and one.id is not None
