from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from werkzeug.test import TestResponse

from flexmeasures.app import create
from flexmeasures.data.config import db
from flexmeasures.data.models.task_runs import LatestTaskRun
from flexmeasures.data.models.user import Role
from flexmeasures.tests.permissions.world import World, build_world, user_named
from flexmeasures.utils.time_utils import server_now

SECRET = "test-task-check-token"
EPOCH = "1970-01-01T00:00:00"


@pytest.fixture
def world(fresh_db: SQLAlchemy) -> World:
    return build_world()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return create(env="testing").test_client()


def look_up(client: FlaskClient, query: str, secret: str | None = SECRET) -> tuple[int, Any]:
    headers = {} if secret is None else {"Authorization": secret}
    answer = client.get(f"/api/ops/getLatestTaskRun{query}", headers=headers)
    return answer.status_code, answer.json


def report(client: FlaskClient, form: dict[str, str] | None, **kwargs: Any) -> TestResponse:
    """By the mill's user, who runs tasks."""
    user = user_named("other")
    if not user.has_role("task-runner"):
        user.flexmeasures_roles.append(Role(name="task-runner"))
        db.session.commit()
    headers = {"Authorization": str(user.get_auth_token())}
    return client.post("/api/ops/postLatestTaskRun", data=form, headers=headers, **kwargs)


def test_ping(client: FlaskClient) -> None:
    answer = client.get("/api/ops/ping")
    assert (answer.status_code, answer.json) == (200, {"message": "ok", "status": 200})


@pytest.mark.parametrize(
    ("query", "secret", "code", "reason"),
    [
        ("?name=import", None, 401, "Not authenticated to check task status."),
        ("?name=import", "", 403, "Not authorized to check task status."),
        ("?name=import", "guess", 403, "Not authorized to check task status."),
        ("?name=import", "gu\xe9ss", 403, "Not authorized to check task status."),
        ("", SECRET, 400, "No task name given."),
        ("?name=", SECRET, 400, "No task name given."),
        ("?name=import", SECRET, 404, "Task import has no last run time."),
        ("?name=a%00b", SECRET, 404, "Task a\0b has no last run time."),
    ],
)
def test_refusals_to_tell(
    client: FlaskClient,
    fresh_db: SQLAlchemy,
    query: str,
    secret: str | None,
    code: int,
    reason: str,
) -> None:
    assert look_up(client, query, secret) == (
        code,
        {
            "status": "ERROR",
            "reason": reason,
            "lastrun": EPOCH,
            "frequency": 10,
            "process": "FlexMeasures",
            "server": "test",
        },
    )


@pytest.mark.parametrize("secret", ["None", "", "any"])
def test_nothing_is_the_secret_if_there_is_none(client: FlaskClient, secret: str) -> None:
    for unset in (None, ""):
        client.application.config["FLEXMEASURES_TASK_CHECK_AUTH_TOKEN"] = unset
        assert look_up(client, "?name=import", secret)[0] == 403


@pytest.mark.parametrize(("succeeded", "status"), [(True, "OK"), (False, "ERROR")])
def test_latest_run(
    client: FlaskClient, fresh_db: SQLAlchemy, succeeded: bool, status: str
) -> None:
    at = datetime(2026, 11, 24, 7, 30, tzinfo=timezone(timedelta(hours=1)))
    LatestTaskRun.record_run("import", succeeded, at)
    fresh_db.session.commit()
    client.application.config["MONITOR_FREQUENCY_IMPORT"] = 60
    assert look_up(client, "?name=import") == (
        200,
        {
            "status": status,
            "reason": "",
            "lastrun": "2026-11-24T06:30:00+00:00",
            "frequency": 60,
            "process": "FlexMeasures",
            "server": "test",
        },
    )


def test_reports_replace_each_other(client: FlaskClient, world: World) -> None:
    first = report(client, {"name": "import", "datetime": "2026-11-24T07:30:00+01:00"})
    assert (first.status_code, first.json) == (200, {"status": "OK"})
    assert look_up(client, "?name=import")[1]["lastrun"] == "2026-11-24T06:30:00+00:00"

    before = server_now()
    assert report(client, {"name": "import", "status": "False"}).status_code == 200
    _, run = look_up(client, "?name=import")
    assert run["status"] == "ERROR"
    assert before <= datetime.fromisoformat(run["lastrun"]) <= server_now()


@pytest.mark.parametrize(
    ("text", "status"), [("True", "OK"), ("true", "ERROR"), ("1", "ERROR"), ("", "ERROR")]
)
def test_only_the_text_true_is_success(
    client: FlaskClient, world: World, text: str, status: str
) -> None:
    assert report(client, {"name": "import", "status": text}).status_code == 200
    assert look_up(client, "?name=import")[1]["status"] == status


def test_reported_moment_without_offset_is_utc(client: FlaskClient, world: World) -> None:
    assert report(client, {"name": "import", "datetime": "2026-11-24 07:30"}).status_code == 200
    assert look_up(client, "?name=import")[1]["lastrun"] == "2026-11-24T07:30:00+00:00"


@pytest.mark.parametrize(
    ("form", "code", "reason"),
    [
        ({}, 400, "No task name given."),
        ({"name": ""}, 400, "No task name given."),
        ({"name": "x" * 81}, 422, "name: "),
        ({"name": "a\0b"}, 422, "name: "),
        ({"name": "import", "datetime": "yesterday"}, 422, "datetime: "),
        ({"name": "import", "datetime": "9999-12-31T23:59:59-12:00"}, 422, "datetime: "),
    ],
)
def test_refused_reports(
    client: FlaskClient, world: World, form: dict[str, str], code: int, reason: str
) -> None:
    answer = report(client, form)
    assert answer.status_code == code
    assert answer.json is not None
    assert (answer.json["status"], answer.json["reason"][: len(reason)]) == ("ERROR", reason)
    assert db.session.query(LatestTaskRun).count() == 0


def test_reports_come_as_forms(client: FlaskClient, world: World) -> None:
    answer = report(client, None, json={"name": "import"})
    assert (answer.status_code, answer.json) == (
        400,
        {"status": "ERROR", "reason": "No task name given."},
    )


def test_who_may_report(client: FlaskClient, world: World) -> None:
    path, form = "/api/ops/postLatestTaskRun", {"name": "import"}
    assert client.post(path, data=form).status_code == 401
    token = str(user_named("member").get_auth_token())
    refused = client.post(path, data=form, headers={"Authorization": token})
    assert refused.status_code == 403
    assert refused.json is not None
    assert refused.json["message"].endswith("It requires task-runner permission(s).")
    # The secret of monitors does not let anybody report.
    assert client.post(path, data=form, headers={"Authorization": SECRET}).status_code == 401
    assert db.session.query(LatestTaskRun).count() == 0
