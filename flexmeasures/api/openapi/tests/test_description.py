"""The API's description: complete, valid and true to the endpoints."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from flexmeasures.api.openapi.operations import is_described, methods_of, path_of

# What is not for programs, or gone.
_UNDESCRIBED = re.compile(r"/api/v3_0/docs.*|/api/v(1|1_1|1_2|1_3|2_0)/.*")


@pytest.fixture(scope="module")
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="module")
def description(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/api/v3_0/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.get_json()
    return found


def operations(description: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }


def test_it_is_valid(description: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(description).validate()


def test_it_has_all_endpoints(app: Flask, description: dict[str, Any]) -> None:
    served = {
        f"{method} {path_of(rule)}"
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/") and not _UNDESCRIBED.fullmatch(rule.rule)
        for method in methods_of(rule)
    }
    assert served - operations(description).keys() == set()
    assert all(
        is_described(app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
        if f"GET {path_of(rule)}" in operations(description)
    )


def test_each_operation_tells_what_a_client_needs(description: dict[str, Any]) -> None:
    ids = set()
    for name, operation in operations(description).items():
        assert operation["summary"], name
        assert operation["tags"] != ["Other"], f"{name} lacks a quickref in its docstring."
        assert operation["operationId"] not in ids, name
        ids.add(operation["operationId"])
        for code, response in operation["responses"].items():
            assert response["description"], (name, code)
            assert (code == "204") or "content" in response, (name, code)
        assert any(code.startswith("2") for code in operation["responses"]), name


def test_what_needs_a_log_in_says_so(description: dict[str, Any]) -> None:
    for name, operation in operations(description).items():
        assert bool(operation["security"]) == ("401" in operation["responses"]) or (
            name in ("POST /api/requestAuthToken", "GET /api/ops/getLatestTaskRun")
        ), name


def test_examples_fit_their_schemas(description: dict[str, Any]) -> None:
    """Those of bodies that are sent: who copies one wants it to work."""
    import jsonschema_rs

    for name, operation in operations(description).items():
        for content in operation.get("requestBody", {}).get("content", {}).values():
            schema = {**content["schema"], "components": description["components"]}
            assert content.get("example") is not None, f"{name}: fields lack examples."
            jsonschema_rs.validate(schema, content["example"])
        for parameter in operation.get("parameters", []):
            assert "description" in parameter or parameter["in"] == "path", (name, parameter)


def test_the_pages_need_nobody_else(client: FlaskClient) -> None:
    page = client.get("/api/v3_0/docs")
    assert page.status_code == 200
    links = re.findall(r'(?:src|href|data-url)="([^"]+)"', page.text)
    assert len(links) >= 4
    for link in links:
        assert link.startswith(("/", "data:")), "Only this server."
        if link.startswith("data:"):
            continue
        with client.get(link) as answer:
            assert answer.status_code == 200
    assert "<script>" not in page.text
