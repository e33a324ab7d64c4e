"""Deleting data of a sensor: all, or by source and time."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from werkzeug.test import TestResponse

from flexmeasures.api.v3_0.tests.meter import Meter, beliefs, errors, make_meter, number_of_beliefs
from flexmeasures.app import create
from flexmeasures.tests.permissions.world import World, build_world, user_named


@pytest.fixture(scope="module")
def site(app: Flask) -> Flask:
    return create(env="testing")


@pytest.fixture(scope="module")
def world(db: SQLAlchemy) -> World:
    return build_world()


@pytest.fixture
def meter(site: Flask, world: World) -> Meter:
    """With four quarters of an hour from midnight on."""
    meter = make_meter(site, world, who="admin")
    assert meter.post([1, 2, 3, 4]).status_code == 200
    return meter


def delete(meter: Meter, query: str = "", **kwargs: Any) -> TestResponse:
    headers = {"Authorization": meter.token}
    return meter.site.test_client().delete(meter.path + query, headers=headers, **kwargs)


def at(time: str) -> str:
    return f"2026-03-01T{time}:00+01:00"


@pytest.mark.parametrize("body", [{}, {"json": {}}])
def test_everything(meter: Meter, site: Flask, world: World, body: dict[str, Any]) -> None:
    other = make_meter(site, world, who="admin")
    other.post([1, 2, 3, 4])
    answer = delete(meter, **body)
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.content_type == "application/json"
    assert number_of_beliefs(meter) == 0
    assert number_of_beliefs(other) == 4


@pytest.mark.parametrize(
    ("criteria", "left"),
    [
        ({"start": at("00:15")}, [1]),
        ({"start": at("00:16")}, [1, 2]),
        ({"until": at("00:30")}, [3, 4]),
        ({"until": at("00:29")}, [2, 3, 4]),
        ({"start": at("00:15"), "until": at("00:30")}, [1, 3, 4]),
    ],
)
def test_window(meter: Meter, criteria: dict[str, str], left: list[float]) -> None:
    assert delete(meter, json=criteria).status_code == 204
    assert meter.values() == [value if value in left else None for value in (1, 2, 3, 4)]


def test_source(meter: Meter) -> None:
    member = Meter(meter.site, meter.sensor_id, str(user_named("member").get_auth_token()))
    member.post([5])
    source = next(one.source_id for one in beliefs(meter) if one.event_value == 5)
    assert delete(meter, json={"source": source}).status_code == 204
    assert meter.values() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("criteria", "field"),
    [
        ({"until": at("00:29"), "start": at("00:15")}, "until"),
        ({"until": at("00:00"), "start": at("00:15")}, "until"),
        ({"start": "2026-03-01T00:00"}, "start"),
        ({"start": None}, "start"),
        ({"until": 5}, "until"),
        ({"source": 2**31}, "source"),
        ({"source": "me"}, "source"),
        ({"end": at("00:30")}, "end"),
    ],
)
def test_criteria_that_are_no_good(meter: Meter, criteria: dict[str, Any], field: str) -> None:
    assert set(errors(delete(meter, json=criteria), "json")) == {field}
    assert number_of_beliefs(meter) == 4


def test_criteria_at_a_wrong_place_do_not_delete_everything(meter: Meter) -> None:
    assert delete(meter, query="?start=2026-03-02T00:00:00Z").status_code == 400
    assert delete(meter, data={"start": at("00:15")}).status_code == 400
    assert delete(meter, data='{"start": "').status_code == 400
    assert number_of_beliefs(meter) == 4
