from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.api.v3_0.tests.conftest import Call, statements
from flexmeasures.data.models.alerts import SensorAlert
from flexmeasures.data.models.annotations import Annotation
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.tests.permissions.world import World

START = datetime.fromisoformat("2026-06-01T00:00:00+00:00")
HOUR = timedelta(hours=1)


def add_alerts(db: SQLAlchemy, sensor_id: int, number: int) -> None:
    """One an hour, of which the last is open."""
    source = DataSource(name="FlexMeasures", type="alerter")
    for hour in range(number):
        start = START + hour * HOUR
        db.session.add(
            SensorAlert(
                sensor_id=sensor_id,
                rule="gap",
                is_open=hour == number - 1,
                annotation=Annotation(
                    start=start, end=start + HOUR / 2, source=source, type="alert", content="gap: x"
                ),
            )
        )
    db.session.commit()


def starts(entries: Any) -> list[int]:
    """Hours after START."""
    return [(datetime.fromisoformat(entry["start"]) - START) // HOUR for entry in entries]


def test_alerts(call: Call, world: World, fresh_db: SQLAlchemy) -> None:
    mine, others = world.ids["sensor of Bakery"], world.ids["sensor of Mill"]
    add_alerts(fresh_db, mine, 3)
    add_alerts(fresh_db, others, 1)
    path = f"sensors/{mine}/alerts"
    found = call("member", "GET", path).get_json()
    assert starts(found) == [2, 1, 0]
    assert {key: value for key, value in found[0].items() if key != "id"} == {
        "rule": "gap",
        "content": "gap: x",
        "start": "2026-06-01T02:00:00+00:00",
        "end": "2026-06-01T02:30:00+00:00",
        "open": True,
    }
    assert starts(call("member", "GET", f"{path}?open=true").get_json()) == [2]
    assert starts(call("member", "GET", f"{path}?open=false").get_json()) == [1, 0]
    page = call("member", "GET", f"{path}?page=2&per-page=2").get_json()
    assert (starts(page["data"]), page["num-records"]) == ([0], 3)


def test_statements_do_not_grow(call: Call, world: World, fresh_db: SQLAlchemy) -> None:
    path = f"sensors/{world.ids['sensor of Bakery']}/alerts"
    few = statements(fresh_db, lambda: call("member", "GET", path))
    add_alerts(fresh_db, world.ids["sensor of Bakery"], 5)
    assert statements(fresh_db, lambda: call("member", "GET", path)) <= few


@pytest.mark.parametrize("query", ["open=maybe", "page=0", "per-page=x"])
def test_wrong_questions(call: Call, world: World, query: str) -> None:
    path = f"sensors/{world.ids['sensor of Bakery']}/alerts?{query}"
    answer = call("member", "GET", path)
    assert answer.status_code == 422
    assert query.split("=")[0] in answer.get_json()["message"]["query"]


def test_rules_are_checked_when_they_are_sent(call: Call, world: World) -> None:
    path = f"sensors/{world.ids['sensor of Bakery']}"
    wrong = call("member", "PATCH", path, json={"attributes": {"alert-rules": [{"kind": "gap"}]}})
    assert wrong.status_code == 422
    assert wrong.get_json()["message"]["json"]["attributes"] == [
        "alert-rules, rule 1: longer-than: Missing data for required field."
    ]
    rules = [{"kind": "gap", "longer-than": "PT1H"}]
    assert (
        call("member", "PATCH", path, json={"attributes": {"alert-rules": rules}}).status_code
        == 200
    )
