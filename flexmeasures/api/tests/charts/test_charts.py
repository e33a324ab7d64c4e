"""Charts as clients and pages get them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from werkzeug.test import TestResponse

from flexmeasures.api.tests.charts.conftest import ASSET, SENSOR, START, START_MS, WINDOW, Get
from flexmeasures.charts import records
from flexmeasures.charts.tests.test_specs import check
from flexmeasures.data.beliefs.save import save
from flexmeasures.data.config import db as database
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.tests.permissions.world import World, user_named
from flexmeasures.utils.timely import tb


def values(answer: TestResponse) -> list[float]:
    assert answer.status_code == 200, answer.get_json()
    return [row["event_value"] for row in answer.get_json()]


@pytest.mark.parametrize(
    ("of", "path"),
    [
        (SENSOR, ""),
        (SENSOR, "chart/"),
        (SENSOR, "chart_data/"),
        (SENSOR, "chart_annotations/"),
        (ASSET, ""),
        (ASSET, "chart/"),
        (ASSET, "chart_data/"),
    ],
)
class TestAllOfThem:
    def test_json(self, get: Get, of: str, path: str) -> None:
        answer = get(of, path, **WINDOW)
        assert answer.status_code == 200
        assert answer.content_type == "application/json"

    def test_unknown(self, site: Flask, world: World, of: str, path: str) -> None:
        kind = "v3_0/assets" if of == ASSET and path else f"dev/{of.split()[0]}"
        headers = {"Authorization": str(user_named("member").get_auth_token())}
        for id_ in ("999999", "x", "0", "-1", "99999999999999999999"):
            url = f"/api/{kind}/{id_}/{path}"
            answer = site.test_client().get(url, headers=headers)
            assert answer.status_code == 404
            assert answer.get_json()["status"] == 404
        assert site.test_client().get(f"/api/{kind}/999999/{path}").status_code == 401


class TestSpecifications:
    def test_of_a_sensor(self, get: Get, world: World) -> None:
        spec = get(SENSOR, "chart/", **WINDOW).get_json()
        check(spec)
        assert spec["data"] == {"name": f"sensor_{world.ids[SENSOR]}"}
        assert (spec["width"], spec["height"]) == ("container", 300)
        assert "datasets" not in spec
        time = spec["layer"][0]["encoding"]["x"]
        assert time["scale"]["domain"] == [START_MS, START_MS + 23 * 3_600_000]

    def test_as_the_tutorial_asks(self, get: Get, world: World) -> None:
        spec = get(
            SENSOR, "chart/", include_data="true", width="400", height="400", **WINDOW
        ).get_json()
        check(spec)
        assert (spec["width"], spec["height"]) == (400, 400)
        name = f"sensor_{world.ids[SENSOR]}"
        assert [row["event_value"] for row in spec["datasets"][name]] == [0, 1, 2, 3]
        assert spec["datasets"][f"{name}_annotations"] == []

    def test_time_travel(self, get: Get) -> None:
        spec = get(
            SENSOR,
            "chart/",
            include_data=1,
            beliefs_before="2026-03-29T00:20+01:00",
            dataset_name="mine",
        ).get_json()
        assert [row["event_value"] for row in spec["datasets"]["mine"]] == [0, 5, 5, 5]

    def test_of_an_asset(self, get: Get, world: World) -> None:
        name = f"asset_{world.ids[ASSET]}"
        spec = get(ASSET, "chart/", width="container", **WINDOW).get_json()
        check(spec)
        assert spec["data"] == {"name": name}
        assert len(spec["vconcat"]) == 1
        spec = get(ASSET, "chart/", include_data="True", width=300, height=99).get_json()
        check(spec)
        assert [row["event_value"] for row in spec["datasets"][name]] == [0, 1, 2, 3]
        assert (spec["vconcat"][0]["width"], spec["vconcat"][0]["height"]) == (300, 99)

    @pytest.mark.parametrize(
        ("query", "contents"),
        [
            ({}, None),
            ({"include_sensor_annotations": "true"}, []),
            ({"include_asset_annotations": "true"}, ["of the asset"]),
            ({"include_account_annotations": "true"}, ["of the account"]),
            (
                {"include-asset-annotations": "on", "include_account_annotations": "1"},
                ["of the asset", "of the account"],
            ),
        ],
    )
    def test_annotations(
        self, get: Get, world: World, query: dict[str, str], contents: list[str] | None
    ) -> None:
        spec = get(SENSOR, "chart/", include_data="true", **query).get_json()
        check(spec)
        notes = spec["datasets"][f"sensor_{world.ids[SENSOR]}_annotations"]
        assert [line for note in notes for line in note["content"]] == (contents or [])
        assert (spec["layer"][0]["mark"].get("color") == "#bbbbbb") == (contents is not None)


class TestRows:
    def test_of_a_sensor(self, get: Get, world: World) -> None:
        rows = get(SENSOR, "chart_data/", **WINDOW).get_json()
        assert len(rows) == 4
        assert rows[1] == {
            "event_start": START_MS + 900_000,
            "belief_time": START_MS + 1_800_000,
            "event_value": 1,
            "cumulative_probability": 0.5,
            "source": {
                "id": rows[1]["source"]["id"],
                "name": "Seita",
                "model": "",
                "type": "forecaster",
                "description": "Seita",
            },
            "sensor": {
                "id": world.ids[SENSOR],
                "name": "power",
                "description": "power (store)",
            },
        }

    def test_of_an_asset(self, get: Get) -> None:
        [first, *_] = get(ASSET, "chart_data/", **WINDOW).get_json()
        keys = {"event_start", "source", "sensor", "event_value", "belief_horizon"}
        assert first.keys() == keys
        rows = get(ASSET, "chart_data/", most_recent_beliefs_only="false").get_json()
        assert {row["belief_horizon"] for row in rows} == {0, 6 * 3_600_000}
        assert rows[0].keys() == keys | {"belief_time"}

    @pytest.mark.parametrize("of", [SENSOR, ASSET])
    def test_windows(self, get: Get, of: str) -> None:
        later = "2026-03-29T00:30:00+01:00"
        assert values(get(of, "chart_data/", start=later)) == [2, 3]
        assert values(get(of, "chart_data/", end=later)) == [0, 1]
        assert values(get(of, "chart_data/", **{"event-starts-after": later})) == [2, 3]
        assert values(get(of, "chart_data/", event_ends_before=later.replace("+", " "))) == [0, 1]
        assert values(get(of, "chart_data/", json={"event_starts_after": later})) == [2, 3]
        assert values(get(of, "chart_data/", json={"start": None, "end": later})) == [0, 1]
        assert values(get(of, "chart_data/", start="2027-01-01T00:00Z")) == []
        assert values(get(of, "chart_data/", start=later, end=later)) == []
        assert values(get(of, "chart_data/", prior="2026-03-28T22:00Z")) == [5] * 4
        assert values(get(of, "chart_data/", beliefs_after="2026-03-29T01:00+01:00")) == [3]

    def test_another_resolution(self, get: Get) -> None:
        assert values(get(SENSOR, "chart_data/", resolution="PT30M", **WINDOW)) == [0.5, 2.5]
        assert values(get(SENSOR, "chart_data/", resolution="PT1H")) == [1.5]
        assert len(values(get(SENSOR, "chart_data/", resolution="PT5M", **WINDOW))) == 12
        assert values(get(SENSOR, "chart_data/", resolution="P366D")) == [1.5]

    def test_too_fine_a_resolution(self, get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(records, "MOST_RECORDS", 100)
        answer = get(SENSOR, "chart_data/", resolution="PT1S")
        assert answer.status_code == 422
        assert "too many" in answer.get_json()["message"]["query"]["resolution"][0]

    def test_annotations(self, get: Get) -> None:
        """Those of the asset only."""
        [note] = get(SENSOR, "chart_annotations/", **WINDOW).get_json()
        assert note == {
            "index": 0,
            "start": START_MS,
            "end": START_MS + 12 * 3_600_000,
            "belief_time": None,
            "source": "Seita",
            "type": "label",
            "content": ["of the asset"],
        }
        assert get(SENSOR, "chart_annotations/", start="2026-03-29T12:00+01:00").get_json() == []
        assert get(SENSOR, "chart_annotations/", end="2026-03-28T23:00Z").get_json() == []


@pytest.mark.parametrize(("of", "path"), [(SENSOR, "chart"), (SENSOR, "chart_data"), (ASSET, "")])
def test_the_slash_is_added(site: Flask, get: Get, world: World, of: str, path: str) -> None:
    """Pages ask without it."""
    url = f"/api/dev/{of.split()[0]}/{world.ids[of]}/{path}".rstrip("/")
    answer = site.test_client().get(f"{url}?a=b")
    assert answer.status_code == 308
    assert answer.location.endswith(f"{url}/?a=b")


def test_attributes(get: Get) -> None:
    hour = {"start": "2026-03-28T23:00:00+00:00", "end": "2026-03-29T00:00:00+00:00"}
    sensor = get(SENSOR, "").get_json()
    assert sensor == {"name": "power", "timezone": "UTC", "timerange": hour}
    asset = get(ASSET, "").get_json()
    assert asset == {"name": "store", "timezone": "UTC", "timerange_of_sensors_to_show": hour}


def test_attributes_without_data(get: Get, shown: Any) -> None:
    shown([])
    asset = get(ASSET, "").get_json()
    times = [*asset["timerange_of_sensors_to_show"].values()]
    assert times[0] == times[1]
    assert abs(datetime.fromisoformat(times[0]) - datetime.now(timezone.utc)) < timedelta(minutes=1)


class TestWhoSeesWhat:
    def test_sensors_of_others_stay_hidden(self, get: Get, world: World, shown: Any) -> None:
        """Even from admins: the chart is of this asset."""
        ids = [world.ids[f"sensor of {owner}"] for owner in ("Mill", "Bakery", None)]
        shown([ids, {"title": "Theirs", "sensor": ids[0]}, 123_456])
        for who in ("member", "admin"):
            spec = get(ASSET, "chart/", who, include_data="1").get_json()
            check(spec)
            [row] = spec["vconcat"]
            assert row["transform"][0]["filter"]["oneOf"] == ids[1:]
            rows = get(ASSET, "chart_data/", who).get_json()
            assert {row["sensor"]["id"] for row in rows} == set(ids[1:])
            assert [rows] == [*spec["datasets"].values()]

    @pytest.mark.parametrize("stored", [None, 3, "x", {}, [None], [[[1]]], [{"plots": 3}], [2**70]])
    def test_what_is_stored_may_be_nonsense(self, get: Get, shown: Any, stored: Any) -> None:
        shown(stored)
        assert get(ASSET, "chart/", include_data="1").get_json()["vconcat"] == []
        assert get(ASSET, "chart_data/").get_json() == []
        assert get(ASSET, "").status_code == 200


class TestSession:
    @pytest.fixture
    def client(self, site: Flask, world: World) -> FlaskClient:
        client = site.test_client()
        with client.session_transaction() as session:
            session.update(_user_id=user_named("member").fs_uniquifier, _fresh=True)
        return client

    @pytest.mark.parametrize("kind", ["dev/sensor/{sensor}", "v3_0/assets/{asset}"])
    def test_remembers_the_window_of_charts(
        self, client: FlaskClient, world: World, kind: str
    ) -> None:
        path = f"/api/{kind.format(sensor=world.ids[SENSOR], asset=world.ids[ASSET])}"

        def remembered() -> list[Any]:
            with client.session_transaction() as session:
                return [session.get(name, "nothing") for name in WINDOW]

        client.get(f"{path}/chart_data/", query_string=WINDOW)
        assert remembered() == ["nothing", "nothing"]
        assert client.get(f"{path}/chart/", query_string=WINDOW).status_code == 200
        assert remembered() == ["2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"]
        bad = client.get(f"{path}/chart/", query_string={"start": "x"})
        assert bad.status_code == 422
        assert remembered()[0] == "2026-03-29T00:00:00+01:00"
        client.get(f"{path}/chart/")
        assert remembered() == [None, None]

    def test_who_has_a_token_gets_no_session(self, get: Get) -> None:
        assert "Set-Cookie" not in get(SENSOR, "chart/", **WINDOW).headers

    def test_not_those_who_may_not_look(self, client: FlaskClient, world: World) -> None:
        path = f"/api/v3_0/assets/{world.ids['asset of Mill']}/chart/"
        assert client.get(path, query_string=WINDOW).status_code == 403
        with client.session_transaction() as session:
            assert "event_starts_after" not in session


def test_few_statements(get: Get, world: World, shown: Any) -> None:
    """However many sensors."""
    asset = database.session.get(GenericAsset, world.ids[ASSET])
    assert asset is not None
    for number in range(20):
        database.session.add(Sensor(f"more {number}", asset, unit="kW"))
    database.session.commit()
    ids = [sensor.id for sensor in asset.sensors]

    def count(sensors: list[int]) -> int:
        shown(sensors)
        sent: list[str] = []

        def note(*args: Any) -> None:
            sent.append(args[2])

        get(ASSET, "chart/")  # notes when the user was seen
        event.listen(database.engine, "before_cursor_execute", note)
        assert get(ASSET, "chart/", include_data="1").status_code == 200
        assert get(ASSET, "").status_code == 200
        event.remove(database.engine, "before_cursor_execute", note)
        return len(sent)

    assert count(ids) == count(ids[:1])


def test_few_points(get: Get, world: World) -> None:
    """The rows say how long they are; older beliefs, which cannot be averaged, may be too many."""
    query = {"max_points": 10} | WINDOW
    for of in (SENSOR, ASSET):
        check(get(of, "chart/", include_data="1", **query).get_json())
        rows = get(of, "chart_data/", **query).get_json()
        assert [row["event_value"] for row in rows] == [0, 1, 2, 3]
        assert {row["event_resolution"] for row in rows} == {900_000}
        older = get(of, "chart_data/", most_recent_beliefs_only="0", **query)
        assert len(older.get_json()) == 8
    sensor = database.session.get(Sensor, world.ids[SENSOR])
    assert sensor is not None
    more = pd.date_range(START, periods=16, freq="15min", name="event_start")
    meter = DataSource(name="meter", type="demo script")
    database.session.add(meter)
    database.session.flush()
    series = pd.Series(np.arange(16.0), index=more)
    save(tb.BeliefsDataFrame(series, sensor=sensor, source=meter, belief_horizon=timedelta(0)))
    database.session.commit()
    for of in (SENSOR, ASSET):
        rows = get(of, "chart_data/", **query).get_json()
        means = [row["event_value"] for row in rows if row["source"]["name"] == "meter"]
        assert means == [5.5, 13.5]
        older = get(of, "chart_data/", most_recent_beliefs_only="0", **query)
        assert older.status_code == 422
        assert "more than 10 beliefs" in older.get_json()["message"]["query"]["max_points"][0]


def test_whose_annotations(get: Get) -> None:
    def contents(**query: str) -> set[str]:
        answer = get(SENSOR, "chart_annotations/", **query)
        return {line for row in answer.get_json() for line in row["content"]}

    assert contents() == {"of the asset"}
    assert contents(include_sensor_annotations="1", include_asset_annotations="0") == set()
    assert contents(include_account_annotations="1") == {"of the asset", "of the account"}
