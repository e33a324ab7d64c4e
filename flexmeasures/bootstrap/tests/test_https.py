"""HTTPS, and what browsers are told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flexmeasures.app import create
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.bootstrap.https import content_security_policy

TEMPLATES = Path(__file__).parents[2] / "ui" / "templates"


@pytest.fixture
def production(
    home: Path,
    logging_state: None,
    test_database_uri: str,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> FlexMeasures:
    variables = {"SQLALCHEMY_DATABASE_URI": test_database_uri, "SECRET_KEY": "x"}
    for name, value in (variables | getattr(request, "param", {})).items():
        monkeypatch.setenv(name, value)
    return create(env="production")


def test_plain_http_is_redirected(production: FlexMeasures) -> None:
    client = production.test_client()
    for path in ("/login?next=/x", "/api/v3_0/users", "/nope"):
        answer = client.get(f"http://fm.example{path}")
        assert (answer.status_code, answer.location) == (302, f"https://fm.example{path}")
        assert "Strict-Transport-Security" not in answer.headers
    assert client.post("http://fm.example/login").status_code == 302


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("https://fm.example/login", {}),
        ("http://fm.example/login", {"X-Forwarded-Proto": "https"}),
    ],
)
def test_https_stays(production: FlexMeasures, url: str, headers: dict[str, str]) -> None:
    answer = production.test_client().get(url, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize("production", [{"DEBUG": "1"}], indirect=True)
def test_debugging_stays_with_http(production: FlexMeasures) -> None:
    answer = production.test_client().get("http://fm.example/login")
    assert answer.status_code == 200
    assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize("production", [{"FLEXMEASURES_PROXIES": "1"}], indirect=True)
def test_proxies_are_believed_if_a_setting_says_so(production: FlexMeasures) -> None:
    headers = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "fm.example",
        "X-Forwarded-For": "6.6.6.6, 7.7.7.7",
    }
    with production.test_client() as client:
        client.get("/logged-in-user", headers=headers)
        from flask import request

        assert request.remote_addr == "7.7.7.7"
        assert request.url_root == "https://fm.example/"


@pytest.mark.parametrize("production", [{"TRUSTED_HOSTS": "fm.example"}], indirect=True)
def test_other_names_of_the_host_are_refused(production: FlexMeasures) -> None:
    client = production.test_client()
    assert client.get("https://fm.example/login").status_code == 200
    assert client.get("https://evil.example/login").status_code == 400


@pytest.mark.parametrize(
    "path", ["/login", "/reset", "/nope", "/api/v3_0/users", "/ui/static/css/flexmeasures.css"]
)
def test_headers(app: FlexMeasures, path: str) -> None:
    headers = app.test_client().get(path, buffered=True).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "SAMEORIGIN"


def test_own_pages_keep_to_the_policy() -> None:
    """No scripts and styles in pages (data are no scripts), nor anything from elsewhere."""
    for template in TEMPLATES.rglob("*.html"):
        text = template.read_text()
        assert not re.search(
            r"<script(?![^>]*\s(src=|type=\"application/json\"))|<style|\sstyle=|\son\w+=", text
        ), template
        assert not re.search(r"(src|action)=\"(https?:)?//", text), template
        assert not re.search(r"<link[^>]*\shref=\"(https?:)?//", text), template


def test_no_tiles_of_maps_without_a_token() -> None:
    assert "mapbox" not in content_security_policy({})


@pytest.mark.parametrize("production", [{"MAPBOX_ACCESS_TOKEN": "pk.abc"}], indirect=True)
def test_tiles_of_maps(production: FlexMeasures) -> None:
    headers = production.test_client().get("https://fm.example/login").headers
    assert "img-src 'self' data: https://api.mapbox.com;" in headers["Content-Security-Policy"]


def test_more_sources_by_a_setting() -> None:
    policy = content_security_policy(
        {"script-src": "https://cdn.example", "img-src": "https:", "object-src": "'self'"}
    )
    assert "script-src 'self' https://cdn.example" in policy
    assert "img-src 'self' data: https:" in policy
    assert "object-src 'self'" in policy


def test_origins_of_other_sites(app: FlexMeasures, monkeypatch: pytest.MonkeyPatch) -> None:
    from flexmeasures.utils.config_defaults import TestingConfig

    monkeypatch.setattr(TestingConfig, "CORS_ORIGINS", ["https://app.example"])
    friendly = create(env="testing")

    def allowed(site: FlexMeasures, path: str, origin: str) -> str | None:
        answer = site.test_client().get(path, headers={"Origin": origin})
        return answer.headers.get("Access-Control-Allow-Origin")

    api = "/api/v3_0/users"
    assert allowed(app, api, "https://app.example") is None
    assert allowed(friendly, api, "https://app.example") == "https://app.example"
    assert allowed(friendly, api, "https://evil.example") is None
    assert allowed(friendly, "/login", "https://app.example") is None


def test_caches_tell_origins_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    from flexmeasures.utils.config_defaults import TestingConfig

    origins = ["https://app.example", "https://other.example"]
    monkeypatch.setattr(TestingConfig, "CORS_ORIGINS", origins)
    client = create(env="testing").test_client()
    asked = {"Access-Control-Request-Method": "PATCH"}
    for origin in origins:
        for method in ("GET", "OPTIONS"):
            headers = {"Origin": origin} | asked
            answer = client.open("/api/v3_0/users", method=method, headers=headers)
            assert answer.headers["Access-Control-Allow-Origin"] == origin
            assert answer.headers["Access-Control-Allow-Credentials"] == "true"
            assert {"Origin", "Accept-Encoding"} <= set(answer.vary)


def test_plugins_may_add_to_the_policy(app: FlexMeasures, monkeypatch: pytest.MonkeyPatch) -> None:
    """They do so when their blueprints are registered, which is after all this was set up."""
    elsewhere = {"connect-src": "https://weather.example"}
    monkeypatch.setitem(app.config, "FLEXMEASURES_CONTENT_SECURITY_POLICY", elsewhere)
    logo, styles = "https://pictures.example/logo.svg", "//styles.example/a.css"
    monkeypatch.setitem(app.config, "FLEXMEASURES_MENU_LOGO_PATH", logo)
    monkeypatch.setitem(app.config, "FLEXMEASURES_EXTRA_CSS_PATH", styles)
    policy = app.test_client().get("/login").headers["Content-Security-Policy"].split("; ")
    assert "connect-src 'self' https://weather.example" in policy
    assert "img-src 'self' data: https://pictures.example" in policy
    assert "style-src 'self' styles.example" in policy
