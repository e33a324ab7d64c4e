from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask.views import MethodView

import flexmeasures
from flexmeasures.app import create
from flexmeasures.bootstrap.application import FlexMeasures


@pytest.fixture
def site(app: Flask) -> FlexMeasures:
    return create(env="testing")


@pytest.fixture
def client(site: FlexMeasures) -> FlaskClient:
    return site.test_client()


def test_versions(client: FlaskClient) -> None:
    answer = client.get("/api/")
    assert answer.status_code == 200
    assert answer.json == {
        "flexmeasures_version": flexmeasures.__version__,
        "message": (
            "For these API versions a public endpoint is available, listing its service. For"
            " example: /api/v3_0. An authentication token can be requested at:"
            " /api/requestAuthToken"
        ),
        "status": 200,
        "versions": ["v3_0"],
    }


def test_versions_without_the_last_slash(client: FlaskClient) -> None:
    answer = client.get("/api")
    assert (answer.status_code, answer.location) == (308, "http://localhost/api/")


@pytest.mark.parametrize("path", ["/api/", "/api/v3_0", "/api/ops/ping", "/api/v3_0/health/ready"])
def test_other_methods(client: FlaskClient, path: str) -> None:
    assert client.head(path).status_code == 200
    assert client.options(path).headers["Allow"].count("GET") == 1
    refused = client.post(path, json={})
    assert (refused.status_code, refused.json and refused.json["status"]) == (405, 405)


def test_no_slash_after_paths_of_the_version(client: FlaskClient) -> None:
    assert client.get("/api/v3_0/").status_code == 404
    assert client.get("/api/v3_0/health/ready/").status_code == 404


def services(site: FlexMeasures, **options: Any) -> dict[str, str]:
    answer = site.test_client().get("/api/v3_0", **options)
    assert answer.status_code == 200
    assert answer.json is not None
    assert [service["url"] for service in answer.json["services"]] == sorted(
        service["url"] for service in answer.json["services"]
    )
    return {service["name"]: service["description"] for service in answer.json["services"]}


def test_service_listing(site: FlexMeasures) -> None:
    answer = site.test_client().get("/api/v3_0", base_url="https://fm.example")
    assert answer.json is not None
    listing = dict(answer.json)
    assert listing.pop("services")[:2] == [
        {
            "url": "https://fm.example/api/v3_0",
            "name": "GET ",
            "description": "Obtain a service listing for this version",
        },
        {
            "url": "https://fm.example/api/v3_0/accounts",
            "name": "GET /accounts",
            "description": "Download account list",
        },
    ]
    assert listing == {
        "message": "Request has been processed.",
        "status": "PROCESSED",
        "version": "3.0",
    }


def test_descriptions_of_services(site: FlexMeasures) -> None:
    listed = services(site)
    known = {
        "GET /accounts": "Download account list",
        "GET /accounts/<id>": "Get an account",
        "GET /assets": "Download asset list",
        "POST /assets": "Create a new asset",
        "GET /assets/<id>": "Get an asset",
        "PATCH /assets/<id>": "Update an asset",
        "DELETE /assets/<id>": "Delete an asset",
        "GET /assets/public": "Return all public assets.",
        "GET /health/ready": "Get readiness status",
        "GET /sensors/data": "Download sensor data",
        "POST /sensors/data": "Upload sensor data",
        "GET /users": "Download user list",
        "GET /users/<id>": "Get a user",
        "PATCH /users/<id>": "Patch data for an existing user",
        "PATCH /users/<id>/password-reset": "Password reset",
    }
    assert {name: listed.get(name) for name in known} == known
    assert not [name for name in listed if name.startswith(("HEAD", "OPTIONS"))]


def test_services_of_plugins(site: FlexMeasures) -> None:
    def with_words() -> str:
        """Some view.

        .. :quickref: Garden; Water the plants
        """
        return ""

    def without_tag() -> str:
        """Some view."""
        return ""

    def without_words() -> str:
        return ""

    class Plants(MethodView):
        def get(self) -> str:
            """.. :quickref: Garden; Count the plants"""
            return ""

        def delete(self) -> str:
            return ""

    site.add_url_rule("/api/v3_0/water", view_func=with_words, methods=["POST"])
    site.add_url_rule("/api/v3_0/no-tag", view_func=without_tag)
    site.add_url_rule("/api/v3_0/no-words", view_func=without_words)
    site.add_url_rule("/api/v3_0/plants/<int:id>", view_func=Plants.as_view("plants"))
    site.add_url_rule("/api/v3_01/water", "elsewhere", view_func=with_words)
    site.add_url_rule("/garden/water", "garden", view_func=with_words)
    listed = services(site)
    added = {name: listed[name] for name in listed.keys() - services(create(env="testing")).keys()}
    assert added == {
        "POST /water": "Water the plants",
        "GET /no-tag": "",
        "GET /no-words": "",
        "GET /plants/<int:id>": "Count the plants",
        "DELETE /plants/<int:id>": "",
    }
