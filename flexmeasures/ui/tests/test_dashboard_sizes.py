"""The dashboard of who has nothing, and of who has thousands of assets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, event

from flexmeasures.app import create
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.tests.permissions.world import build_world
from flexmeasures.ui.tests.test_dashboard import add, browser_of, on_map, page_of


@pytest.fixture(scope="module")
def site(app: Flask) -> Flask:
    return create(env="testing")


def test_who_has_nothing_is_told_how_to_begin(
    app: Flask, site: Flask, fresh_db: SQLAlchemy
) -> None:
    build_world()
    fresh_db.session.query(GenericAsset).delete()
    fresh_db.session.commit()
    page = page_of(site, "member")
    assert "There are no assets yet." in page
    assert "data-center='52.3660,4.9040'" in page


@contextmanager
def statements() -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize("query", ["", "?group_by_accounts=1"])
def test_as_many_statements_for_thousands(
    app: Flask, site: Flask, fresh_db: SQLAlchemy, query: str
) -> None:
    build_world()
    numbers = []
    for number in (10, 3000):
        add(
            fresh_db,
            [(f"{number}-{i}", f"type {i % 20}", "Mill", (i % 90, i % 180)) for i in range(number)],
        )
        client = browser_of(site, "admin")
        client.get("/dashboard")  # notes the user as seen
        with statements() as seen:
            page = client.get(f"/dashboard{query}").text
        numbers.append(sum("generic_asset" in statement for statement in seen))
        assert len(seen) <= 7
    assert numbers == [3, 3]
    assert sum(map(len, on_map(page).values())) == 3010
    # compact, so that all of it can come with the page
    assert len(page) < 3010 * 60 + 40_000
