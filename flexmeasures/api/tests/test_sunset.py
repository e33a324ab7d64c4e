"""Old versions, and what plugins use to let endpoints and fields go."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.api.common.utils.deprecation_utils import (
    Moment,
    deprecate_blueprint,
    deprecate_fields,
    sunset_blueprint,
)
from flexmeasures.app import create
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.tests.permissions.world import build_world, user_named

DOCS = "https://flexmeasures.readthedocs.io/en"


@pytest.fixture
def site(app: Flask, fresh_db: SQLAlchemy) -> Iterator[FlexMeasures]:
    yield create(env="testing")


@pytest.mark.parametrize(
    ("method", "path", "number", "deprecation_page", "page"),
    [
        (
            "POST",
            "v1/getMeterData",
            "1.0",
            "introduction.html#deprecation-and-sunset",
            "v1.html",
        ),
        ("GET", "v1_1/getConnection", "1.1", "v1_1.html", "v1_1.html"),
        ("POST", "v1_2/postUdiEvent", "1.2", "v1_2.html", "v1_2.html"),
        ("GET", "v1_3/getDeviceMessage", "1.3", "v1_3.html", "v1_3.html"),
        ("PATCH", "v2_0/user/7/password-reset", "2.0", "v2_0.html", "v2_0.html"),
        ("DELETE", "v2_0/asset/none", "2.0", "v2_0.html", "v2_0.html"),
    ],
)
def test_old_versions_are_gone(
    site: FlexMeasures, method: str, path: str, number: str, deprecation_page: str, page: str
) -> None:
    answer = site.test_client().open(f"/api/{path}", method=method)
    assert answer.status_code == 410
    assert answer.json == {
        "message": (
            f"API version {number} has been sunset. Please upgrade to API version 3.0."
            f" See {DOCS}/v0.13.0/api/{page} for more information."
        ),
        "status": 410,
    }
    assert answer.headers["Deprecation"] == "Tue, 13 Dec 2022 23:59:59 GMT"
    assert answer.headers["Sunset"] == "Sun, 30 Apr 2023 23:59:59 GMT"
    assert answer.headers.getlist("Link") == [
        f'<{DOCS}/latest/api/{deprecation_page}>; rel="deprecation"; type="text/html"',
        f'<{DOCS}/v0.13.0/api/{page}>; rel="sunset"; type="text/html"',
    ]


@pytest.mark.parametrize("path", ["v1/getConnection", "v1_1/postUdiEvent", "v1_3/assets", "v2_0"])
def test_what_old_versions_never_had(site: FlexMeasures, path: str) -> None:
    assert site.test_client().get(f"/api/{path}").status_code == 404


def test_current_version_bears_no_notice(site: FlexMeasures) -> None:
    headers = site.test_client().get("/api/v3_0").headers
    assert not {"Deprecation", "Sunset", "Link"} & set(headers.keys())


def test_hosts_choose_date_and_link(site: FlexMeasures) -> None:
    site.config["FLEXMEASURES_API_SUNSET_DATE"] = "Next spring"
    site.config["FLEXMEASURES_API_SUNSET_LINK"] = "https://fm.example/news"
    answer = site.test_client().get("/api/v2_0/users")
    assert answer.headers["Sunset"] == "Next spring"
    assert answer.headers.getlist("Link")[1] == (
        '<https://fm.example/news>; rel="sunset"; type="text/html"'
    )
    assert answer.json is not None
    assert "See https://fm.example/news for more information." in answer.json["message"]


def test_nothing_to_fall_back_on(site: FlexMeasures) -> None:
    site.config["FLEXMEASURES_API_SUNSET_ACTIVE"] = False
    answer = site.test_client().get("/api/v2_0/users")
    assert (answer.status_code, "Sunset" in answer.headers) == (404, True)
    assert answer.json is not None
    assert answer.json["message"].startswith("API version 2.0 is not part of this server any more.")


def test_calls_are_logged(site: FlexMeasures, caplog: pytest.LogCaptureFixture) -> None:
    build_world()
    user = user_named("member")
    client = site.test_client()
    client.get("/api/v1/getService")
    client.get("/api/v1/getService", headers={"Authorization": str(user.get_auth_token())})
    lines = [line for line in caplog.messages if line.startswith("Deprecated")]
    assert lines == [
        "Deprecated: GET flexmeasures_api_v1.getService by somebody unknown",
        f"Deprecated: GET flexmeasures_api_v1.getService by user {user.id}",
    ]


def garden() -> Blueprint:
    """Of a plugin."""
    blueprint = Blueprint("garden", __name__, url_prefix="/garden")

    @blueprint.route("/water", methods=["GET", "POST"])
    def water() -> dict[str, Any]:
        deprecate_fields(["can", "hose"], "2026-01-01", "https://x.example/a")
        return {"watered": True}

    return blueprint


SEOUL = timezone(timedelta(hours=9))


@pytest.mark.parametrize(
    ("moment", "deprecation", "sunset"),
    [
        (None, "true", None),
        ("2026-01-01", *["Wed, 31 Dec 2025 23:59:59 GMT"] * 2),
        (date(2026, 1, 1), *["Wed, 31 Dec 2025 23:59:59 GMT"] * 2),
        ("2026-01-01T00:00", *["Thu, 01 Jan 2026 00:00:00 GMT"] * 2),
        ("2026-01-01T00:00+09:00", *["Wed, 31 Dec 2025 15:00:00 GMT"] * 2),
        (datetime(2026, 1, 1, tzinfo=SEOUL), *["Wed, 31 Dec 2025 15:00:00 GMT"] * 2),
    ],
)
def test_deprecated_blueprints(
    site: FlexMeasures, moment: Moment | None, deprecation: str, sunset: str | None
) -> None:
    blueprint = garden()
    deprecate_blueprint(blueprint, moment, sunset_date=moment)
    site.register_blueprint(blueprint)
    answer = site.test_client().get("/garden/water")
    assert (answer.status_code, answer.json) == (200, {"watered": True})
    assert answer.headers["Deprecation"] == deprecation
    assert answer.headers.get("Sunset") == sunset
    assert "Link" not in answer.headers


@pytest.mark.parametrize("moment", ["soon", "2026-13-01", "2026-01-01Tea"])
def test_moments_that_are_none(moment: str) -> None:
    with pytest.raises(ValueError, match=r"format|month|expected"):
        deprecate_blueprint(garden(), moment)


@pytest.mark.parametrize(
    ("active", "rollback_possible", "code"),
    [(True, True, 410), (True, False, 410), (False, True, 200), (False, False, 404)],
)
def test_blackout_tests(
    site: FlexMeasures, active: bool, rollback_possible: bool, code: int
) -> None:
    blueprint = garden()
    sunset_blueprint(
        blueprint, "0.1", "https://x.example/gone", "0.2", rollback_possible=rollback_possible
    )
    site.register_blueprint(blueprint)
    site.config["FLEXMEASURES_API_SUNSET_ACTIVE"] = active
    answer = site.test_client().get("/garden/water", headers={"Accept": "application/json"})
    assert answer.status_code == code
    if code == 410:
        assert answer.json is not None
        assert answer.json["message"] == (
            "API version 0.1 has been sunset. Please upgrade to API version 0.2."
            " See https://x.example/gone for more information."
        )


def test_deprecated_fields(site: FlexMeasures, caplog: pytest.LogCaptureFixture) -> None:
    site.register_blueprint(garden())
    client = site.test_client()
    with caplog.at_level(logging.WARNING):
        answer = client.post("/garden/water", json={"hose": None, "soap": 1})
    assert answer.headers["Deprecation"] == "Wed, 31 Dec 2025 23:59:59 GMT"
    assert answer.headers["Link"] == ('<https://x.example/a>; rel="deprecation"; type="text/html"')
    assert "Deprecated: POST garden.water by somebody unknown with hose" in caplog.messages


@pytest.mark.parametrize(
    "request_", [{"json": {"soap": 1}}, {"json": ["hose"]}, {"data": {"hose": 1}}, {}]
)
def test_fields_that_do_not_come(site: FlexMeasures, request_: dict[str, Any]) -> None:
    site.register_blueprint(garden())
    answer = site.test_client().post("/garden/water", **request_)
    assert (answer.status_code, "Deprecation" in answer.headers) == (200, False)
