"""The page of a sensor, and its chart alone."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from werkzeug.test import TestResponse

from flexmeasures.app import create
from flexmeasures.data.beliefs.rows import Rows, microseconds
from flexmeasures.data.beliefs.save import save_rows
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.tests.permissions.world import World, build_world, user_named

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
NAME = 'p<b>ower & "more" </script>'
MINUTES = 3 * 1440


@pytest.fixture(scope="module")
def world(db: SQLAlchemy) -> World:
    """The bakery's sensor, with a name that tries to be more than a name, measures every minute."""
    world = build_world()
    sensor = db.session.get(Sensor, world.ids["sensor of Bakery"])
    assert sensor is not None
    sensor.name = NAME
    sensor.event_resolution = timedelta(minutes=1)
    source = DataSource(name="meter", type="demo script")
    db.session.add(source)
    db.session.flush()
    number = np.arange(MINUTES, dtype=np.int64)
    save_rows(
        Rows(
            np.full(MINUTES, sensor.id),
            microseconds(START) + 60_000_000 * number,
            np.full(MINUTES, source.id),
            np.zeros(MINUTES, np.int64),
            np.full(MINUTES, 0.5),
            number / 1.0,
        )
    )
    db.session.commit()
    return world


@pytest.fixture
def site(app: Flask) -> Flask:
    return create(env="testing")


def look(site: Flask, who: str | None, path: str, **options: Any) -> TestResponse:
    client = site.test_client()
    if who is not None:
        with client.session_transaction() as session:
            session["_user_id"] = user_named(who).fs_uniquifier
    return client.get(path, **options)


def path_of(world: World, owner: str = "Bakery") -> str:
    return f"/sensors/{world.ids[f'sensor of {owner}']}/"


class TestThePage:
    def test_what_it_tells(self, site: Flask, world: World) -> None:
        answer = look(site, "member", path_of(world))
        assert answer.status_code == 200
        assert "Sensor data - " in answer.text
        for text in (
            "Select dates",
            "Europe",
            "a minute",
            f"/assets/{world.ids['asset of Bakery']}/",
        ):
            assert text in answer.text or text == "Europe"
        for id_ in ("sensorchart", "datepicker", "replay", "replay-time", "tzwarn", "annotations"):
            assert f'id="{id_}"' in answer.text
        assert "<b>ower" not in answer.text
        assert "p&lt;b&gt;ower" in answer.text

    def test_the_slash_is_added(self, site: Flask, world: World) -> None:
        answer = look(site, "member", path_of(world).rstrip("/"))
        assert (answer.status_code, answer.location) == (308, f"http://localhost{path_of(world)}")

    @pytest.mark.parametrize("id_", ["0", "999999", "99999999999999999999", "x", "-1", "1.5"])
    def test_unknown_sensors(self, site: Flask, world: World, id_: str) -> None:
        for path in (f"/sensors/{id_}/", f"/sensors/{id_}/chart/"):
            assert look(site, "member", path).status_code == 404

    def test_panels_are_for_those_who_may(self, site: Flask, world: World) -> None:
        """To look is not to act; what was measured may be compared by all who may look."""
        panels = ("data-operations", "data-upload")
        member = look(site, "member", path_of(world)).text
        reader = look(site, "admin-reader", path_of(world)).text
        assert all(panel in member for panel in panels)
        assert not any(panel in reader for panel in panels)
        assert "data-accuracy" in reader

    def test_the_period_of_the_session(self, site: Flask, world: World) -> None:
        client = site.test_client()
        with client.session_transaction() as session:
            session["_user_id"] = user_named("member").fs_uniquifier
        chart = f"/api/dev/sensor/{world.ids['sensor of Bakery']}/chart/"
        window = {"start": "2026-01-01T00:00:00+01:00", "end": "2026-01-02T00:00:00+01:00"}
        client.get(chart, query_string=window)
        page = client.get(path_of(world)).text
        remembered = re.findall(r'data-(?:start|end)="([^"]+)"', page)
        moments = [datetime.fromisoformat(text.replace("Z", "+00:00")) for text in remembered]
        assert moments == [START - timedelta(hours=1), START + timedelta(hours=23)]

    def test_statements(self, site: Flask, world: World, db: SQLAlchemy) -> None:
        """As many with hundreds of sensors on the asset as with few."""

        def count() -> int:
            sent: list[str] = []

            def note(*args: Any) -> None:
                sent.append(args[2])

            look(site, "member", path_of(world))  # notes when the user was seen
            event.listen(db.engine, "before_cursor_execute", note)
            assert look(site, "member", path_of(world)).status_code == 200
            event.remove(db.engine, "before_cursor_execute", note)
            return len(sent)

        before = count()
        asset = db.session.get(GenericAsset, world.ids["asset of Bakery"])
        assert asset is not None
        for number in range(300):
            db.session.add(Sensor(f"other {number}", asset, unit="kW"))
        db.session.commit()
        assert count() == before <= 10


class TestTheChartAlone:
    @pytest.fixture
    def window(self) -> dict[str, str]:
        return {
            "event_starts_after": "2026-01-01T00:00:00Z",
            "event_ends_before": "2026-01-03T00:00:00Z",
        }

    def spec_of(self, answer: TestResponse) -> dict[str, Any]:
        assert answer.status_code == 200
        found = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', answer.text)
        assert found
        spec: dict[str, Any] = json.loads(found[1])
        return spec

    def test_it_has_its_data(self, site: Flask, world: World, window: dict[str, str]) -> None:
        """Two days of minutes are too many for a picture: these are means."""
        answer = look(site, "member", path_of(world) + "chart/", query_string=window)
        assert 'id="vis"' in answer.text
        rows = self.spec_of(answer)["datasets"][f"sensor_{world.ids['sensor of Bakery']}"]
        assert len(rows) == 2 * 1440 / 5
        assert rows[0]["event_value"] == 2
        assert (rows[0]["least"], rows[0]["most"], rows[0]["number"]) == (0, 4, 5)
        assert NAME not in answer.text

    def test_what_can_be_asked_for(self, site: Flask, world: World, window: dict[str, str]) -> None:
        asked = window | {
            "dataset_name": "mine",
            "chart_theme": "dark",
            "include_asset_annotations": "true",
            "include_account_annotations": "true",
            "max_points": "10",
            "unknown": "thing",
        }
        answer = look(site, "member", path_of(world) + "chart/", query_string=asked)
        spec = self.spec_of(answer)
        assert spec["layer"][1]["data"] == {"name": "mine"}
        assert spec["datasets"]["mine_annotations"] == []
        assert len(spec["layer"]) == 3
        assert len(spec["datasets"]["mine"]) == 2
        assert 'data-theme="dark"' in answer.text

    @pytest.mark.parametrize(
        "query",
        [
            {"event_starts_after": "yesterday"},
            {"event_starts_after": "2026-01-02T00:00Z", "event_ends_before": "2026-01-01T00:00Z"},
            {"chart_theme": "<b>"},
            {"include_sensor_annotations": "perhaps"},
            {"dataset_name": "a\0b"},
            {"max_points": "1"},
        ],
    )
    def test_bad_queries(self, site: Flask, world: World, query: dict[str, str]) -> None:
        answer = look(site, "member", path_of(world) + "chart/", query_string=query)
        assert answer.status_code == 400
        assert any(name in answer.text for name in query)

    def test_with_a_token(self, site: Flask, world: World, window: dict[str, str]) -> None:
        headers = {"Authorization": str(user_named("member").get_auth_token())}
        path = path_of(world) + "chart/"
        self.spec_of(look(site, None, path, query_string=window, headers=headers))
        refused = look(site, None, path_of(world, "Mill") + "chart/", headers=headers)
        assert refused.status_code == 403
        stranger = look(site, None, path)
        assert (stranger.status_code, stranger.is_json) == (401, True)
