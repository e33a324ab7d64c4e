"""The people of the permission matrix, who make calls with access tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from werkzeug.test import TestResponse

from flexmeasures.app import create
from flexmeasures.tests.permissions.world import World, build_world, user_named

Call = Callable[..., TestResponse]


@pytest.fixture
def world(fresh_db: SQLAlchemy) -> World:
    return build_world()


@pytest.fixture
def site(app: Flask, world: World) -> Flask:
    """The app that is called, beside the one of the tests."""
    return create(env="testing")


@pytest.fixture
def call(site: Flask) -> Call:
    """Make a call to the API as somebody."""
    client = site.test_client()

    def request(who: str, method: str, path: str, **kwargs: Any) -> TestResponse:
        token = str(user_named(who).get_auth_token())
        headers = {"Authorization": token} | kwargs.pop("headers", {})
        return client.open(f"/api/v3_0/{path}", method=method, headers=headers, **kwargs)

    return request


def statements(db: SQLAlchemy, request: Callable[[], TestResponse]) -> int:
    """How many statements a request takes that goes well."""
    sent: list[str] = []

    def note(*arguments: Any) -> None:
        sent.append(arguments[2])

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        assert request().status_code < 300
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return len(sent)
