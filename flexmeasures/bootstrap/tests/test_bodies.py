"""Compressed bodies, sizes, tags and JSON in requests and answers."""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pytest
from flask import Flask, jsonify, request
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder, run_wsgi_app

from flexmeasures.app import create
from flexmeasures.bootstrap.application import FlexMeasures

ECHO = "/api/echo"
LONG = list(range(10_000))


@pytest.fixture(scope="module")
def site(app: Flask) -> FlexMeasures:
    site = create(env="testing")

    def echo() -> Any:
        return jsonify(received=request.get_json())

    def numbers() -> Any:
        return jsonify(LONG)

    site.add_url_rule(ECHO, "echo", echo, methods=["POST"])
    site.add_url_rule("/api/numbers", "numbers", numbers)
    return site


@pytest.fixture
def client(site: FlexMeasures) -> FlaskClient:
    return site.test_client()


def post(client: FlaskClient, body: bytes, coding: str = "gzip") -> Any:
    headers = {"Content-Encoding": coding, "Content-Type": "application/json"}
    return client.post(ECHO, data=body, headers=headers)


def test_a_compressed_body_is_read(client: FlaskClient) -> None:
    answer = post(client, gzip.compress(json.dumps({"values": LONG}).encode()))
    assert answer.status_code == 200
    assert answer.json["received"] == {"values": LONG}


@pytest.mark.parametrize(
    ("body", "coding", "code", "said"),
    [
        (b"{}", "gzip", 400, "not compressed by gzip"),
        (gzip.compress(b'{"a": 1}', mtime=0)[:-12], "gzip", 400, "ends too early"),
        (b"{}", "br", 415, "not by br"),
    ],
    ids=["plain", "cut off", "unknown"],
)
def test_a_body_that_cannot_be_unpacked(
    client: FlaskClient, body: bytes, coding: str, code: int, said: str
) -> None:
    answer = post(client, body, coding)
    assert answer.status_code == code
    assert said in answer.json["message"]


def test_a_bomb_is_not_unpacked(client: FlaskClient) -> None:
    answer = post(client, gzip.compress(b" " * 50_000_000 + b"1"))
    assert answer.status_code == 413
    assert "limit of 16777216 bytes" in answer.json["message"]
    assert answer.json["status"] == "PAYLOAD_TOO_LARGE"


def test_a_large_body_is_refused_with_the_limit(client: FlaskClient) -> None:
    answer = client.post(ECHO, data=b" " * (16 * 2**20 + 1), content_type="application/json")
    assert answer.status_code == 413
    assert "limit of 16777216 bytes" in answer.get_json()["message"]


def test_answers_are_compressed_for_those_who_can_read_it(client: FlaskClient) -> None:
    answer = client.get("/api/numbers", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(answer.data)) == LONG
    assert "Content-Encoding" not in client.get("/api/numbers").headers


@pytest.mark.parametrize("accepted", ["identity", "gzip"])
def test_what_a_client_has_is_not_sent_again(client: FlaskClient, accepted: str) -> None:
    headers = {"Accept-Encoding": accepted}
    tag = client.get("/api/numbers", headers=headers).headers["ETag"]
    again = client.get("/api/numbers", headers={**headers, "If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    assert client.get("/api/numbers", headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b'{"a": 1}}', b"\xff", b""])
def test_broken_json(client: FlaskClient, body: bytes) -> None:
    answer = client.post(ECHO, data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.is_json


def test_json_of_what_the_standard_lacks(site: FlexMeasures) -> None:
    assert np.isnan(site.json.loads('{"a": NaN}')["a"])
    assert site.json.loads(site.json.dumps({"a": float("nan")})) == {"a": None}
    moment = datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert site.json.loads(site.json.dumps({"at": moment})) == {"at": "2026-01-01T00:00:00+00:00"}
    assert site.json.loads(site.json.dumps([2**70, "\ud800"])) == [2**70, "\ud800"]
    assert site.json.loads(site.json.dumps(np.arange(3.0))) == [0, 1, 2]


@pytest.mark.parametrize("path", ["/", "/login", "/api/v3_0/assets", "/no/such/page"])
def test_queries_that_are_no_text(app: Flask, path: str) -> None:
    site = create(env="testing")
    environment = EnvironBuilder(path).get_environ() | {"QUERY_STRING": b"a=\xff".decode("latin1")}
    _, status, _ = run_wsgi_app(site, environment)
    assert status == "400 BAD REQUEST"
