"""What clients send, in the spellings that they use."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, jsonify
from flask.testing import FlaskClient
from marshmallow import Schema, fields

from flexmeasures.api.common.parsing import use_args
from flexmeasures.app import create
from flexmeasures.data.schemas.times import AwareDateTimeField
from flexmeasures.data.schemas.utils import BooleanField


class Query(Schema):
    per_page = fields.Integer(data_key="per-page")
    sources = fields.List(fields.String())
    start = AwareDateTimeField(metadata={"aliases": ["event_starts_after"]})
    wanted = BooleanField()


class Body(Schema):
    values = fields.List(fields.Float(), required=True)
    soc_unit = fields.String(data_key="soc-unit")


@pytest.fixture(scope="module")
def client(app: Flask) -> FlaskClient:
    site = create(env="testing")

    @use_args(Query, location="query")
    def get(args: dict[str, Any]) -> Any:
        return jsonify({key: str(value) for key, value in args.items()})

    @use_args(Body, location="json")
    def post(args: dict[str, Any]) -> Any:
        return jsonify(args)

    site.add_url_rule("/api/get", "get", get)
    site.add_url_rule("/api/post", "post", post, methods=["POST"])
    return site.test_client()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("per-page=3", {"per_page": "3"}),
        ("per_page=3", {"per_page": "3"}),
        ("per_pages=3", {"per_page": "3"}),
        ("source=a&source=b", {"sources": "['a', 'b']"}),
        ("event-starts-after=2026-01-01T00:00Z", {"start": "2026-01-01 00:00:00+00:00"}),
        ("start=2026-01-01T00:00+01:00", {"start": "2026-01-01 00:00:00+01:00"}),
        ("wanted=TRUE", {"wanted": "True"}),
        ("wanted=oFF", {"wanted": "False"}),
        ("unknown=1", {}),
    ],
)
def test_spellings_in_queries(client: FlaskClient, query: str, expected: dict[str, str]) -> None:
    """A plus that nobody encoded arrives as a blank."""
    assert client.get(f"/api/get?{query}").get_json() == expected


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("per-page=3&per_page=3", "per-page"),
        ("per-page=3&per-page=4", "per-page"),
        ("start=2026-01-01T00:00Z&event_starts_after=2026-01-01T00:00Z", "start"),
        ("per-page=many", "per-page"),
        ("start=2026-01-01", "start"),
    ],
)
def test_refused_queries(client: FlaskClient, query: str, key: str) -> None:
    answer = client.get(f"/api/get?{query}")
    assert answer.status_code == 422
    assert answer.get_json()["message"]["query"].keys() == {key}


def test_a_body_fills_in_for_the_query_of_a_get(client: FlaskClient) -> None:
    answer = client.get("/api/get?per-page=3", json={"per_page": 4, "sources": ["a"]})
    assert answer.get_json() == {"per_page": "3", "sources": "['a']"}


def test_spellings_in_bodies(client: FlaskClient) -> None:
    answer = client.post("/api/post", json={"value": [1], "soc_unit": "kWh"})
    assert answer.get_json() == {"values": [1], "soc_unit": "kWh"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            '{"value": [1], "values": [1]}',
            {"values": ["Given twice, as value"]},
        ),
        ('{"values": [1], "more": 1}', {"more": ["Unknown field."]}),
        ('{"values": [NaN]}', {"values": {"0": ["Special numeric values (nan or infinity)"]}}),
        ("[]", {"_schema": ["Invalid input type."]}),
        ("", {"values": ["Missing data for required field."]}),
    ],
)
def test_refused_bodies(client: FlaskClient, body: str, said: dict[str, Any]) -> None:
    answer = client.post("/api/post", data=body, content_type="application/json")
    assert answer.status_code == 422
    found = answer.get_json()["message"]["json"]
    assert found.keys() == said.keys()
    for key, messages in said.items():
        assert str(found[key]).startswith(str(messages).rstrip("']}"))


@pytest.mark.parametrize(("method", "place"), [("GET", "query"), ("POST", "json")])
def test_a_flood_of_keys_is_refused_in_one_sentence(
    client: FlaskClient, method: str, place: str
) -> None:
    path = "/api/get" if method == "GET" else "/api/post"
    answer = client.open(path, method=method, json={str(number): 1 for number in range(1001)})
    assert answer.status_code == 422
    assert answer.get_json()["message"] == {
        place: {"_schema": ["Has 1001 keys. At most 1000 can be sent."]}
    }


def test_what_is_not_declared_to_be_json_is_none(client: FlaskClient) -> None:
    answer = client.post("/api/post", data='{"values": [1]}', content_type="text/plain")
    assert answer.status_code == 422


def test_broken_json(client: FlaskClient) -> None:
    answer = client.post("/api/post", data="{", content_type="application/json")
    assert answer.status_code == 400
    assert answer.get_json() == {
        "message": ("The browser (or proxy) sent a request that this server could not understand."),
        "status": 400,
    }
