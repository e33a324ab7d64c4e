from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from rq import Queue
from sqlalchemy import text
from werkzeug.test import TestResponse

from flexmeasures.app import create
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.bootstrap.local import throwaway_redis_server
from flexmeasures.data.services.backups import save
from flexmeasures.tests.permissions.world import World, build_world, user_named
from flexmeasures.utils.config_defaults import TestingConfig

PATH = "/api/restoreData"


@pytest.fixture
def world(fresh_db: SQLAlchemy) -> World:
    return build_world()


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    with throwaway_redis_server() as url:
        yield Redis.from_url(url)


@pytest.fixture
def site(
    world: World, redis: Redis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> FlexMeasures:
    """A server in play mode with a backup named spring."""
    monkeypatch.setattr(TestingConfig, "FLEXMEASURES_MODE", "play")
    site = create(env="testing")
    site.config["FLEXMEASURES_DB_BACKUP_PATH"] = str(tmp_path / "backups")
    site.queues = {name: Queue(name, connection=redis) for name in site.queues}
    save(tmp_path / "backups" / "spring")
    return site


def put(site: FlexMeasures, who: str = "admin", query: str = "", **kwargs: Any) -> TestResponse:
    headers = {"Authorization": str(user_named(who).get_auth_token())}
    return send(site.test_client(), f"{PATH}{query}", headers=headers, **kwargs)


def send(client: FlaskClient, path: str, **kwargs: Any) -> TestResponse:
    from flexmeasures.data.config import db

    db.session.rollback()  # so that no lock of ours stands in the way
    return client.put(path, **kwargs)


def change(db: SQLAlchemy) -> None:
    db.session.execute(text("UPDATE account SET name = 'Windmill' WHERE name = 'Mill'"))
    db.session.commit()


def accounts(db: SQLAlchemy) -> list[str]:
    db.session.rollback()
    names = list(db.session.scalars(text("SELECT name FROM account ORDER BY id")))
    db.session.rollback()
    return names


def test_restoring(site: FlexMeasures, fresh_db: SQLAlchemy) -> None:
    before = accounts(fresh_db)
    change(fresh_db)
    site.queues["scheduling"].enqueue(print, "late")
    answer = put(site, json={"backup": "spring"})
    assert (answer.status_code, answer.json) == (
        200,
        {
            "message": "Request has been processed. Database restored to spring.",
            "status": "PROCESSED",
        },
    )
    assert accounts(fresh_db) == before
    assert [queue.count for queue in site.queues.values()] == [0, 0]
    assert put(site, json={"backup": "spring"}).status_code == 200  # users are there as before


def test_query_goes_first(site: FlexMeasures, fresh_db: SQLAlchemy) -> None:
    assert put(site, query="?backup=spring", json={"backup": "autumn"}).status_code == 200
    assert put(site, query="?backup=autumn", json={"backup": "spring"}).status_code == 400


@pytest.mark.parametrize(
    "request_", [{}, {"json": {}}, {"json": []}, {"json": None}, {"data": {"backup": "spring"}}]
)
@pytest.mark.parametrize("query", ["", "?backup=spring"])
def test_no_backup(
    site: FlexMeasures, fresh_db: SQLAlchemy, request_: dict[str, Any], query: str
) -> None:
    answer = put(site, query=query, **request_)
    assert (answer.status_code, answer.json) == (
        400,
        {
            "message": "Request message should include 'backup'.",
            "result": "Rejected",
            "status": "NO_BACKUP",
        },
    )


@pytest.mark.parametrize("name", [None, 1, True, ["spring"], {"spring": 1}])
def test_names_are_texts(site: FlexMeasures, fresh_db: SQLAlchemy, name: Any) -> None:
    answer = put(site, json={"backup": name})
    assert answer.status_code == 400
    assert answer.json is not None and answer.json["status"] == "NO_BACKUP"


@pytest.mark.parametrize(
    "name", ["autumn", "", ".", "..", "../backups/spring", "/", "a\0b", "\ud800", "x" * 5000]
)
def test_unknown_backups(site: FlexMeasures, fresh_db: SQLAlchemy, name: str) -> None:
    change(fresh_db)
    before = accounts(fresh_db)
    answer = put(site, json={"backup": name})
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["status"] == "UNRECOGNIZED_BACKUP"
    assert answer.json["message"].startswith("The requested backup is not known.")
    assert accounts(fresh_db) == before


def test_backup_that_is_not_whole(site: FlexMeasures, fresh_db: SQLAlchemy, tmp_path: Path) -> None:
    change(fresh_db)
    before = accounts(fresh_db)
    (tmp_path / "backups" / "spring" / "timed_belief.obj").unlink()
    answer = put(site, json={"backup": "spring"})
    assert (answer.status_code, answer.json) == (
        400,
        {
            "message": "The requested backup is not known."
            " Can't load table, because filename timed_belief does not exist.",
            "result": "Rejected",
            "status": "UNRECOGNIZED_BACKUP",
        },
    )
    assert accounts(fresh_db) == before


def test_broken_json(site: FlexMeasures, fresh_db: SQLAlchemy) -> None:
    answer = put(site, data="{", content_type="application/json")
    assert (answer.status_code, answer.json and answer.json["status"]) == (400, 400)


def test_queues_that_cannot_be_reached(
    site: FlexMeasures, fresh_db: SQLAlchemy, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone:
        def empty(self) -> None:
            raise RedisConnectionError

    change(fresh_db)
    before = accounts(fresh_db)
    monkeypatch.setattr(site, "queues", {"scheduling": Gone()})
    assert put(site, json={"backup": "spring"}).status_code == 503
    assert accounts(fresh_db) == before


def test_who_may_restore(site: FlexMeasures, world: World) -> None:
    message = {"backup": "spring"}
    assert site.test_client().put(PATH, json=message).status_code == 401
    for who in ("member", "account-admin", "admin-reader"):
        assert put(site, who, json=message).status_code == 403
    with site.test_client() as client:
        with client.session_transaction() as session:
            session.update(_user_id=user_named("admin").fs_uniquifier, _fresh=True)
        assert send(client, PATH, json=message).status_code == 401  # tokens only


def test_only_in_play_mode(world: World) -> None:
    assert put(create(env="testing"), json={"backup": "spring"}).status_code == 404
