from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.api.v3_0.tests.conftest import statements
from flexmeasures.api.v3_0.tests.meter import START, Meter, errors, make_meter
from flexmeasures.app import create
from flexmeasures.data.beliefs.rows import Rows, microseconds
from flexmeasures.data.beliefs.save import save_rows
from flexmeasures.data.config import db as database
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.tests.permissions.world import World, build_world

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
WINDOW = {"start": START, "duration": "P1D"}


@pytest.fixture(scope="module")
def site(app: Flask) -> Flask:
    return create(env="testing")


@pytest.fixture(scope="module")
def world(db: SQLAlchemy) -> World:
    return build_world()


def store(meter: Meter, source: DataSource, values: Any, horizon: timedelta, p: float) -> None:
    number = len(values)
    save_rows(
        Rows(
            np.full(number, meter.sensor_id),
            microseconds(datetime.fromisoformat(START)) + np.arange(number) * microseconds(HOUR),
            np.full(number, source.id),
            np.full(number, microseconds(horizon)),
            np.full(number, p),
            np.asarray(values, float),
        ),
        unchanged="store",
    )


@pytest.fixture(scope="module")
def forecaster(world: World) -> DataSource:
    source = DataSource("Seita", type="forecaster")
    database.session.add_all([source, DataSource("station", type="script")])
    database.session.commit()
    return source


@pytest.fixture(scope="module")
def meter(site: Flask, world: World, forecaster: DataSource) -> Meter:
    """Hours of two days, of which each day is 10 kW more; forecast with 15 kW, give or take 6."""
    meter = make_meter(site, world, 60)
    station = database.session.query(DataSource).filter_by(name="station").one()
    store(meter, station, [10] * 24 + [20] * 24, timedelta(0), 0.5)
    for probability, value in {0.1: 9, 0.5: 15, 0.9: 21}.items():
        store(meter, forecaster, [value] * 48, DAY, probability)
    store(meter, forecaster, [10] * 24, HOUR, 0.5)
    database.session.commit()
    return meter


def get(meter: Meter, **query: Any) -> Any:
    headers = {"Authorization": meter.token}
    client = meter.site.test_client()
    path = f"/api/v3_0/sensors/{meter.sensor_id}/accuracy"
    return client.get(path, query_string=query, headers=headers)


def body(meter: Meter, **query: Any) -> dict[str, Any]:
    answer = get(meter, **query)
    assert answer.status_code == 200, answer.get_json()
    found: dict[str, Any] = answer.get_json()
    return found


def test_answer(meter: Meter, forecaster: DataSource) -> None:
    found = body(meter, horizons="PT1H,P1D", **WINDOW)
    scores, references = found.pop("scores"), found.pop("references")
    [measured_by] = found.pop("measured_by")
    assert measured_by["name"] == "station"
    assert found == {
        "sensor": meter.sensor_id,
        "unit": "kW",
        "start": START,
        "end": "2026-03-02T00:00:00+01:00",
        "events": 24,
        "notes": [],
    }
    assert [score["horizon"] for score in scores] == ["PT1H", "PT24H"]
    assert scores[0]["accuracy"] == 1
    assert scores[1] == {
        "source": {
            "id": forecaster.id,
            "name": "Seita",
            "type": "forecaster",
            "description": "Seita",
        },
        "horizon": "PT24H",
        "belief_horizon": "PT24H",
        "events": 24,
        "events_without_forecast": 0,
        "events_without_measurement": 0,
        "mae": 5,
        "rmse": 5,
        "bias": 5,
        "wape": 0.5,
        "accuracy": 0.5,
        "reason": None,
        "band": {"lower": 0.1, "upper": 0.9, "nominal": 0.8, "coverage": 1, "events": 24},
        "pinball_loss": pytest.approx((0.1 * 1 + 0.5 * 5 + 0.1 * 11) / 3),
        "skill": {"persistence": None, "yesterday": None},
    }
    assert [(r["reference"], r["horizon"], r["events"]) for r in references] == [
        ("persistence", "PT1H", 23),
        ("persistence", "PT24H", 0),
        ("yesterday", "PT1H", 0),
        ("yesterday", "PT24H", 0),
    ]
    assert references[1]["mae"] is None
    assert references[1]["reason"].startswith("No event has both")


def test_skill(meter: Meter) -> None:
    found = body(meter, horizons="P1D", start="2026-03-02T00:00:00+01:00", duration="P1D")
    [score] = found["scores"]
    assert score["skill"] == {"persistence": 0.5, "yesterday": 0.5}


def test_by_default_all_horizons_of_the_last_month(meter: Meter) -> None:
    found = body(meter)
    assert (found["start"], found["end"]) == (
        "2026-02-01T00:00:00+01:00",
        "2026-03-03T00:00:00+01:00",
    )
    assert (found["events"], len(found["notes"])) == (48, 2)
    horizons = [score["horizon"] for score in found["scores"]]
    assert horizons == ["PT1H", "PT6H", "PT24H", "PT48H"]
    assert body(meter, duration="P1D")["start"] == "2026-03-02T00:00:00+01:00"
    assert body(meter, end=START)["events"] == 0


@pytest.mark.parametrize(
    "query",
    [
        {"horizon": ["PT1H", "PT24H"]},
        {"horizons": "PT24H,PT1H,P1D"},
        {"horizons": ["PT24H,PT1H"]},
    ],
)
def test_ways_to_ask_for_horizons(meter: Meter, query: dict[str, Any]) -> None:
    horizons = [score["horizon"] for score in body(meter, **query, **WINDOW)["scores"]]
    assert horizons == ["PT1H", "PT24H"]


def test_sources(meter: Meter, forecaster: DataSource) -> None:
    station = DataSource.query.filter_by(name="station").one()
    both = body(meter, source=f"{forecaster.id},{station.id}", horizons="P1D", **WINDOW)["scores"]
    assert [(score["source"]["name"], score["events"]) for score in both] == [
        ("Seita", 24),
        ("station", 0),
    ]
    [only] = body(meter, source=[station.id], horizons="P1D", **WINDOW)["scores"]
    assert (only["events"], only["belief_horizon"]) == (0, None)
    assert only["reason"].startswith("No event has both")


def test_a_sensor_without_data(site: Flask, world: World) -> None:
    found = body(make_meter(site, world, 15))
    assert (found["events"], found["scores"], found["measured_by"]) == (0, [], [])
    assert len(found["references"]) == 8


@pytest.mark.parametrize(
    ("query", "field", "told"),
    [
        ({"horizons": "soon"}, "horizons", "Cannot parse soon"),
        ({"horizons": ""}, "horizons", "Cannot parse"),
        ({"horizons": "PT1H,PT0H"}, "horizons", "positive length"),
        ({"horizons": "-PT1H"}, "horizons", "positive length"),
        ({"horizons": "P1000D"}, "horizons", "366 days at most"),
        ({"horizons": "P999999999999D"}, "horizons", ""),
        ({"horizons": "P1M"}, "horizons", "no fixed length"),
        ({"horizons": ",".join(f"PT{n}H" for n in range(1, 12))}, "horizons", "between 1 and 10"),
        ({"source": "me"}, "source", "Not a valid integer"),
        ({"source": "1.5"}, "source", "Not a valid integer"),
        ({"source": "9999"}, "source", "No data source found with id 9999."),
        ({"source": "-1"}, "source", "No data source found with id -1."),
        ({"source": str(2**40)}, "source", "No data source found"),
        ({"source": ",".join(["1"] * 51)}, "source", "between 1 and 50"),
        ({"start": "now"}, "start", "Not a valid"),
        ({"start": "2026-03-01T00:00:00"}, "start", "Not a valid aware datetime."),
        ({"end": "9999-01-01T00:00Z"}, "end", "can be used"),
        ({"start": START, "end": START}, "end", "end after it starts"),
        ({"start": START, "duration": "P0D"}, "duration", "end after it starts"),
        ({"end": START, "duration": "-P1D"}, "duration", "end after it starts"),
        ({"start": START, "duration": "P1M"}, "duration", "no fixed length"),
        ({"start": START, "duration": "P367D"}, "duration", "366 days at most"),
        ({"start": "2200-01-01T00:00Z", "duration": "P99999999D"}, "duration", "too long"),
        ({"end": START, "duration": "P99999999D"}, "duration", "too long"),
        ({"start": "1700-01-01T00:00Z"}, "duration", "366 days at most"),
        ({**WINDOW, "end": "2026-03-02T00:00Z"}, "duration", "Give two of"),
    ],
)
def test_mistakes(meter: Meter, query: dict[str, str], field: str, told: str) -> None:
    assert told in str(errors(get(meter, **query), "query")[field])


def test_too_many_events(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(meter.site.config, "FLEXMEASURES_MAX_SENSOR_DATA_VALUES", 48)
    assert body(meter, horizons="PT1H,PT6H", **WINDOW)["events"] == 24
    refused = errors(get(meter, horizons="PT1H,PT6H,PT24H", **WINDOW), "query")
    assert "24 events with 3 horizons" in str(refused["duration"])


def test_number_of_statements(meter: Meter, forecaster: DataSource, db: SQLAlchemy) -> None:
    def sent(**query: Any) -> int:
        return statements(db, lambda: get(meter, **query))

    few = sent(horizons="P1D", **WINDOW)
    assert sent(horizons="PT1H,PT6H,PT24H,PT48H", source=forecaster.id, **WINDOW) <= few + 2
