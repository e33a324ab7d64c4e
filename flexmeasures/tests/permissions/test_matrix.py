"""Every route, for every kind of caller and object."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text
from werkzeug.test import TestResponse

from flexmeasures.app import create
from flexmeasures.auth import error_handling
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.tests.permissions.example_plugin import example
from flexmeasures.tests.permissions.table import BODIES, CALLERS, OTHER_WORDS, TABLE, outcomes
from flexmeasures.tests.permissions.world import UNKNOWN, World, build_world, user_named


@pytest.fixture(scope="module")
def site(app: Flask) -> FlexMeasures:
    """An app with a plugin's views."""
    site = create(env="testing")
    site.register_blueprint(example)
    return site


@pytest.fixture(scope="module")
def world(db: SQLAlchemy) -> World:
    return build_world()


def test_every_route_is_in_the_table(site: FlexMeasures) -> None:
    routes = {
        f"{method} {rule.rule.replace('<id:', '<')}"
        for rule in site.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routes - TABLE.keys() == set(), "State in the table who may use these routes."
    assert TABLE.keys() - routes == set(), "These routes are gone."


@pytest.mark.parametrize("way", ["token", "session"])
@pytest.mark.parametrize("route", TABLE)
def test_row(site: FlexMeasures, world: World, route: str, way: str) -> None:
    wrong = []
    for object_, cells in TABLE[route].items():
        for caller, expected in outcomes(cells).items():
            answer = ask(site, world, route, object_, caller, way)
            if answer.status_code != expected[way]:
                wrong.append((object_, caller, expected[way], answer.status_code))
            check_body(route, answer)
    assert wrong == [], "(object, caller, expected, actual)"


@pytest.mark.parametrize("route", [route for route in TABLE if route.startswith("GET")])
def test_getting_changes_nothing(site: FlexMeasures, world: World, route: str) -> None:
    before = contents()
    for object_ in TABLE[route]:
        for caller in CALLERS:
            ask(site, world, route, object_, caller, "session")
            ask(site, world, route, object_, caller, "token")
    assert contents() == before


def ask(
    site: FlexMeasures, world: World, route: str, object_: str, caller: str, way: str
) -> TestResponse:
    method, path = route.split()
    client = site.test_client()
    headers = {}
    if caller != "anonymous" and way == "token":
        headers["Authorization"] = str(user_named(caller).get_auth_token())
    elif caller != "anonymous":
        with client.session_transaction() as session:
            session.update(_user_id=user_named(caller).fs_uniquifier, _fresh=True)
    url = address(world, path, object_, caller)
    sent = {
        key: value.replace("<id>", str(ids_of(world, caller).get(object_)))
        if isinstance(value, str)
        else value
        for key, value in BODIES.get(route, {}).items()
    }
    more: dict[str, Any] = {}
    if method == "GET" and sent:
        more["query_string"] = sent
    elif method != "GET" and url.startswith("/api"):
        more["json"] = sent
    changes = method in ("POST", "DELETE") and (
        "/v3_0/" in path or path.startswith(("/users/", "/assets/"))
    )
    with undone() if changes else nullcontext():
        return client.open(url, method=method, headers=headers, buffered=True, **more)


@contextmanager
def undone() -> Iterator[None]:
    """Let requests change nothing for good, so that all callers find the same world."""
    from flexmeasures.data.config import db as database

    with patch.object(database.session, "commit", database.session.flush):
        yield


def ids_of(world: World, caller: str) -> dict[str, int]:
    own = world.users.get(caller, world.users["colleague"])
    return world.ids | world.users | {"unknown": UNKNOWN, "self": own}


def address(world: World, path: str, object_: str, caller: str) -> str:
    ids = ids_of(world, caller)
    if object_.startswith("?"):
        name, _, value = object_.partition("=")
        return f"{path}{name}={ids[value]}"
    start, parameter, _ = path.partition("<")
    return f"{start}{ids.get(object_, object_)}{path.partition('>')[2]}" if parameter else path


def check_body(route: str, answer: TestResponse) -> None:
    """Refusals have the documented bodies."""
    if route in OTHER_WORDS:
        return
    if answer.status_code == 401:
        assert answer.json == {
            "message": error_handling.UNAUTH_MSG,
            "status": error_handling.UNAUTH_ERROR_STATUS,
        }
        assert "WWW-Authenticate" not in answer.headers
    elif answer.status_code == 403:
        assert answer.json is not None
        assert answer.json["message"].startswith(error_handling.FORBIDDEN_MSG)
        assert (answer.json["result"], answer.json["status"]) == ("Rejected", "INVALID_SENDER")
    elif answer.status_code == 302 and "/example/" in route:
        assert answer.location.startswith("/login?next=")


def contents() -> dict[str, str]:
    """A digest of each table, without when users were last seen (which is noted, as documented)."""
    from flexmeasures.data.config import db as database

    digests = {}
    with database.engine.connect() as connection:
        for table in database.metadata.sorted_tables:
            rows = connection.scalars(
                text(f"SELECT (to_jsonb(t) - 'last_seen_at')::text FROM \"{table.name}\" t")
            )
            digests[table.name] = hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()
    return digests
