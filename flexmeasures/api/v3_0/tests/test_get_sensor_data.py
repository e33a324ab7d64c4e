from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event

from flexmeasures.api.v3_0.tests.meter import PRIOR, START, Meter, errors, make_meter
from flexmeasures.app import create
from flexmeasures.data.beliefs import wire
from flexmeasures.data.beliefs.save import save
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.tests.permissions.world import World, build_world
from flexmeasures.utils.timely import tb

MakeMeter = Callable[..., Meter]
HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)


@pytest.fixture(scope="module")
def site(app: Flask) -> Flask:
    return create(env="testing")


@pytest.fixture(scope="module")
def world(db: SQLAlchemy) -> World:
    return build_world()


@pytest.fixture
def make(site: Flask, world: World) -> MakeMeter:
    return lambda *args, **kwargs: make_meter(site, world, *args, **kwargs)


@pytest.fixture
def meter(make: MakeMeter) -> Meter:
    meter = make()
    meter.post([7, 8, 9, None])
    return meter


def test_the_documented_answer(make: MakeMeter) -> None:
    meter = make(unit="l/h")
    meter.post([7, 8, 9], unit="l/h", duration="PT45M", start="2023-05-20T06:00:00+02:00")
    query = {
        "start": "2023-05-20T06:00:00+02:00",
        "duration": "PT2H",
        "unit": "l/h",
        "resolution": "PT30M",
    }
    expected = {
        "values": [7.5, 9.0, None, None],
        "start": "2023-05-20T06:00:00+02:00",
        "duration": "PT2H",
        "unit": "l/h",
        "resolution": "PT30M",
        "status": "PROCESSED",
        "message": "Request has been processed.",
    }
    answer = meter.get(**query)
    assert (answer.status_code, answer.get_json()) == (200, expected)
    assert answer.content_type == "application/json"
    by_address = meter.get("/api/v3_0/sensors/data", sensor=meter.address, **query)
    assert by_address.get_json() == expected


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00+00:00"),
        ("2026-03-01T00:00+05:30", "2026-03-01T00:00:00+05:30"),
        ("2026-03-01T00:00:00.25 01:00", "2026-03-01T00:00:00+01:00"),
    ],
)
def test_the_start_is_told_in_whole_seconds(meter: Meter, sent: str, told: str) -> None:
    assert meter.get(start=sent).get_json()["start"] == told


@pytest.mark.parametrize(
    ("sent", "told", "number"),
    [
        ("P1D", "PT24H", 96),
        ("P1W", "PT168H", 672),
        ("P0D", "PT0H", 0),
        ("PT50M", "PT50M", 4),
        ("P1M", "PT743H", 2972),  # March has a day of 23 hours
        ("P1Y", "PT8760H", 35_040),
    ],
)
def test_durations(meter: Meter, sent: str, told: str, number: int) -> None:
    body = meter.get(duration=sent).get_json()
    assert (body["duration"], len(body["values"])) == (told, number)


def test_resolutions(meter: Meter) -> None:
    assert meter.values(resolution="PT30M") == [7.5, 9]
    assert meter.values(resolution="PT1H") == [8]
    assert meter.values(resolution="PT5M")[:7] == [7, 7, 7, 8, 8, 8, 9]
    assert meter.values(resolution="PT10M") == [7, 7.5, 8, 9, 9, None]
    assert meter.values(resolution="P1D") == [8]
    assert meter.get(resolution="PT30M").get_json()["resolution"] == "PT30M"
    assert meter.get().get_json()["resolution"] == "PT15M"
    empty = meter.get(start=PRIOR, resolution="PT30M").get_json()
    assert (empty["values"], empty["resolution"]) == ([None, None], "PT15M")


def test_no_values_off_the_grid(meter: Meter) -> None:
    start = "2026-03-01T00:05:00+01:00"
    assert meter.values(start=start) == [None] * 4
    assert meter.values(start=start, resolution="PT30M") == [None] * 2
    assert meter.values(start=start, resolution="PT5M")[:3] == [7, 7, 8]


def test_only_the_window_counts(make: MakeMeter) -> None:
    meter = make()
    meter.post([1, 2, 3, 4, 5, 6, 7, 8], duration="PT2H")
    assert meter.values(start="2026-03-01T00:30:00+01:00", duration="PT15M") == [3]
    # Of the second half of an hour, too, if a step starts there.
    assert meter.values(duration="PT30M", resolution="PT1H") == [1.5]


@pytest.mark.parametrize(
    ("start", "first_day"),
    [("2026-03-27T00:00:00+01:00", 27), ("2026-10-23T00:00:00+02:00", 23)],
)
@pytest.mark.parametrize("hours", [2, 6, 24])
def test_steps_follow_the_clock(make: MakeMeter, start: str, first_day: int, hours: int) -> None:
    """On days on which the clock changes, a step has an hour less or more, and none is lost."""
    meter = make(60)
    length = 8 * 24
    meter.post([float(hour) for hour in range(length)], start=start, duration=f"PT{length}H")
    values = meter.values(start=start, duration="P6D", resolution=f"PT{hours}H")
    assert len(values) == 6 * 24 // hours
    local = np.datetime64(f"2026-{start[5:7]}-{first_day}T00", "h") + np.arange(length)
    # What the clock showed at each hour: one less (more) than that from the change on.
    change = 2 * 24 + (2 if start[6] == "3" else 3)
    local[change:] += 1 if start[6] == "3" else -1
    step = (local - local[0]) // np.timedelta64(hours, "h")
    inside = np.arange(length) < 6 * 24  # the window is that long, whatever the clock shows
    expected = [
        np.arange(length)[(step == number) & inside].mean() for number in range(len(values))
    ]
    assert values == pytest.approx(expected)


def test_days_of_a_sensor_of_days_follow_the_clock(make: MakeMeter) -> None:
    meter = make(24 * 60)
    for day in range(27, 32):
        offset = "+01:00" if day < 30 else "+02:00"
        meter.post(day, start=f"2026-03-{day}T00:00:00{offset}", duration="P1D")
    start = "2026-03-27T00:00:00+01:00"
    assert meter.values(start=start, duration="P5D") == [27, 28, 29, 30, 31]
    # As many as were posted at once, each 24 hours after the one before.
    other = make(24 * 60)
    other.post([1, 2, 3, 4, 5], start=start, duration="P5D")
    assert other.values(start=start, duration="P5D") == [1, 2, 3, 4, 5]


# Instantaneous sensors


def test_readings(make: MakeMeter) -> None:
    meter = make(0, unit="%")
    meter.post([1, 2, 3, 4, 5, 6], unit="%", duration="PT30M")
    body = meter.get(unit="%", duration="PT40M").get_json()
    assert body["values"] == [1, 2, 3, 4, 5, 6, None, None]
    assert body["resolution"] == "PT0H"
    assert meter.values(unit="%", duration="PT30M", resolution="PT15M") == [1, 4]
    assert meter.values(unit="%", duration="PT30M", resolution="PT1M")[:6] == [1, *[None] * 4, 2]
    start = "2026-03-01T00:01:00+01:00"
    assert meter.values(unit="%", start=start, duration="PT10M") == [None, None]


@pytest.mark.parametrize(
    ("duration", "number"),
    [("PT8H", 96), ("PT8H15M", 33), ("P2D", 192), ("P3D", 72), ("P15D", 15), ("P113D", 17)],
)
def test_steps_for_readings_by_default(make: MakeMeter, duration: str, number: int) -> None:
    assert len(make(0).values(duration=duration)) == number


def test_readings_at_midnight_on_the_clock(make: MakeMeter) -> None:
    meter = make(0)
    for day in range(27, 32):
        offset = "+01:00" if day < 30 else "+02:00"
        meter.post(day, start=f"2026-03-{day}T00:00:00{offset}", duration="PT0H")
    start = "2026-03-27T00:00:00+01:00"
    assert meter.values(start=start, duration="P5D", resolution="P1D") == [27, 28, 29, 30, 31]


# Units


def test_units(make: MakeMeter) -> None:
    meter = make()
    meter.post([4, 4, 4, 4])
    assert meter.values(unit="MW") == pytest.approx([0.004] * 4)
    assert meter.values(unit="kWh") == [1, 1, 1, 1]
    assert meter.values(unit="kWh", resolution="PT1H") == [4]
    assert meter.values(unit="Wh", start=PRIOR) == [None] * 4


def test_units_that_do_not_convert(make: MakeMeter) -> None:
    assert errors(make().get(unit="m"), "query")["_schema"] == [
        "Required unit for this sensor is kW, got incompatible unit: m"
    ]
    assert "_schema" in errors(make(unit="kWh").get(unit="kW"), "query")
    assert "unit" in errors(make(0).get(unit="kWh"), "query")


# Which beliefs


def believe(meter: Meter, *beliefs: tuple[DataSource, float, float, float]) -> None:
    """Of the event at START: source, horizon in hours, value, cumulative probability."""
    from flexmeasures.data.config import db

    sensor = db.session.get(Sensor, meter.sensor_id)
    rows = [
        tb.TimedBelief(
            sensor,
            source,
            event_start=datetime.fromisoformat(START),
            belief_horizon=horizon * HOUR,
            event_value=value,
            cumulative_probability=probability,
        )
        for source, horizon, value, probability in beliefs
    ]
    save(tb.BeliefsDataFrame(rows, sensor=sensor))
    db.session.commit()


@pytest.fixture
def sources(db: SQLAlchemy) -> Iterator[list[DataSource]]:
    """Three sources, in the order of their names, but not of their ids."""
    names = ["Cid", "Ann", "Bob"]
    made = [DataSource(name, type=kind) for name, kind in zip(names, ["a", "b", "c"], strict=True)]
    db.session.add_all(made)
    db.session.commit()
    yield sorted(made)
    db.session.rollback()
    for source in made:
        db.session.query(DataSource).filter_by(id=source.id).update({"type": f"old {source.id}"})
    db.session.commit()


def test_filters_come_before_the_most_recent(make: MakeMeter, sources: list[DataSource]) -> None:
    meter, source = make(), sources[0]
    believe(meter, (source, 24, 1, 0.5), (source, 6, 2, 0.5), (source, -1, 3, 0.5))
    query = {"duration": "PT15M"}
    assert meter.values(**query) == [3]
    assert meter.values(**query, horizon="PT6H") == [2]
    assert meter.values(**query, horizon="PT7H") == [1]
    assert meter.values(**query, horizon="P2D") == [None]
    assert meter.values(**query, prior="2026-02-28T18:15:00+01:00") == [2]
    assert meter.values(**query, prior="2026-02-28T18:14:59+01:00") == [1]
    assert meter.values(**query, beliefs_before="2026-02-01T00:00:00 01:00") == [None]


def test_types(make: MakeMeter, sources: list[DataSource]) -> None:
    meter, source = make(), sources[0]
    believe(meter, (source, 24, 1, 0.5), (source, 6, 2, 0.5), (source, -1, 3, 0.5))
    query = {"duration": "PT15M"}
    assert meter.values(**query, type_="GetSensorDataRequest") == [3]
    assert meter.values(**query, type_="GetMeterDataRequest") == [3]
    assert meter.values(**query, type_="GetMeterDataRequest", horizon="PT1H") == [None]
    assert meter.values(**query, type_="GetPrognosisRequest") == [2]
    assert meter.values(**query, type_="GetPrognosisRequest", horizon="-PT1H") == [2]
    assert meter.values(**query, type_="GetPrognosisRequest", horizon="PT7H") == [1]
    energy, flow = make(unit="kWh"), make(unit="m³/h")
    assert energy.get(unit="kWh", type_="GetMeterDataRequest").status_code == 200
    for kind in ("GetMeterDataRequest", "GetPrognosisRequest"):
        assert errors(flow.get(unit="m³/h", type_=kind), "query")["_schema"] == [
            (
                "The unit requested for this message type should be convertible from MW, got"
                " incompatible unit: m³/h"
            )
        ]
    prices = make(unit="EUR/MWh")
    assert prices.get(unit="EUR/kWh", type_="GetPriceDataRequest").status_code == 200
    assert errors(meter.get(type_="GetPriceDataRequest"), "query")["_schema"] == [
        (
            "The unit requested for this message type should be convertible from an energy price"
            " unit, got incompatible unit: kW"
        )
    ]


def test_several_sources(make: MakeMeter, sources: list[DataSource]) -> None:
    meter, (ann, bob, cid) = make(), sources
    query = {"duration": "PT15M"}
    believe(meter, (cid, 1, 3, 0.5), (bob, 1, 2, 0.5))
    assert meter.values(**query) == [2]  # at the same time: the first by name
    believe(meter, (cid, 0.5, 5, 0.5))
    assert meter.values(**query) == [5]  # the later forecast
    believe(meter, (ann, 0, 1, 0.5))
    assert meter.values(**query) == [1]  # measured, rather than forecast
    believe(meter, (bob, -1, 4, 0.5))
    assert meter.values(**query) == [1]  # the earlier measurement
    assert meter.values(**query, source=bob.id) == [4]
    assert meter.values(**query, source=cid.id) == [5]


def test_source_types_and_accounts(
    make: MakeMeter, sources: list[DataSource], world: World
) -> None:
    meter, (ann, bob, _) = make(), sources
    query = {"duration": "PT15M"}
    believe(meter, (ann, 0, 1, 0.5), (bob, 0, 2, 0.5))
    meter.post(3, duration="PT15M")
    assert meter.values(**query, source_type="b") == [1]
    assert meter.values(**query, **{"source-type": "c"}) == [2]
    assert meter.values(**query, source_type="user") == [3]
    assert meter.values(**query, source_type="user", start=PRIOR) == [None]
    assert meter.values(**query, source_type="user", source=ann.id) == [None]
    problem = errors(meter.get(**query, source_type="a"), "query")  # has data elsewhere
    assert problem.keys() == {"source-type"}
    assert meter.values(**query, **{"source-account": world.ids["account of Bakery"]}) == [3]
    assert meter.values(**query, source_account=world.ids["account of Mill"]) == [None]


def test_both_names_of_forecasters(make: MakeMeter, db: SQLAlchemy) -> None:
    meter, source = make(), DataSource("old", type="forecasting script")
    db.session.add(source)
    believe(meter, (source, 1, 5, 0.5))
    assert meter.values(duration="PT15M", source_type="forecaster") == [5]


def test_the_median_of_probabilistic_beliefs(make: MakeMeter, sources: list[DataSource]) -> None:
    meter, source = make(), sources[0]
    believe(meter, (source, 2, 9, 0.5))
    believe(meter, (source, 1, 1, 0.16), (source, 1, 2, 0.5), (source, 1, 3, 0.84))
    assert meter.values(duration="PT15M") == [2]


# What cannot be used


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("start", ""),
        ("start", "2026-03-01"),
        ("start", "2026-03-01T00:00:00"),
        ("start", "1677-12-31T00:00:00Z"),
        ("start", "9999-12-31T00:00:00Z"),
        ("duration", "1 hour"),
        ("duration", "-PT1H"),
        ("duration", "-P1M"),
        ("duration", "P999999999D"),
        ("duration", "P9999Y"),
        ("duration", "P300Y"),
        ("duration", "P29Y"),  # more than a million values
        ("unit", "k" * 81),
        ("resolution", "P1M"),
        ("resolution", "PT0H"),
        ("resolution", "-PT15M"),
        ("resolution", "15min"),
        ("resolution", "P999999999D"),
        ("horizon", "P1Y"),
        ("horizon", "x"),
        ("prior", "yesterday"),
        ("source", "x"),
        ("source", "99999"),
        ("source", "-1"),
        ("source", "99999999999999999999"),
        ("source", "1.5"),
        ("source-account", "99999"),
        ("source-type", ""),
        ("source-type", "\0"),
        ("source-type", "x" * 81),
        ("type", "PostSensorDataRequest"),
    ],
)
def test_bad_fields(meter: Meter, field: str, value: str) -> None:
    assert list(errors(meter.get(**{field: value}), "query")) == [field]


def test_too_short_steps(meter: Meter) -> None:
    for resolution in ("PT0.000001S", "PT0.001S"):
        assert "duration" in errors(meter.get(resolution=resolution), "query")


@pytest.mark.parametrize("horizon", ["P999999999D", "-P999999999D", "P100000D"])
def test_horizons_beyond_all_data(meter: Meter, horizon: str) -> None:
    expected = [7, 8, 9, None] if horizon.startswith("-") else [None] * 4
    assert meter.values(horizon=horizon) == expected


def test_missing_and_unknown_parameters(meter: Meter) -> None:
    missing = ["Missing data for required field."]
    answer = meter.get(start=None, duration=None, unit=None, colour="blue")
    assert errors(answer, "query") == {"start": missing, "duration": missing, "unit": missing}
    answer = meter.get("/api/v3_0/sensors/data", sensor="ea1.2021-01.io.flexmeasures:fm1.99999")
    assert list(errors(answer, "query")) == ["sensor"]


def test_older_names_of_parameters(meter: Meter) -> None:
    kwargs = {"event_starts_after": START, "duration": "PT30M", "units": "kW"}
    assert meter.values(start=None, unit=None, **kwargs) == [7, 8]
    assert list(errors(meter.get(event_starts_after=START), "query")) == ["start"]


def test_parameters_in_the_body(meter: Meter) -> None:
    client, headers = meter.site.test_client(), {"Authorization": meter.token}
    body = {"start": START, "duration": "PT1H", "unit": "kW", "sensor": meter.address}
    url = "/api/v3_0/sensors/data?duration=PT30M"
    assert client.get(url, headers=headers, json=body).get_json()["values"] == [7, 8]


def test_the_ends_of_time(meter: Meter) -> None:
    first, last = "1678-01-01T00:00:00+00:00", "2261-12-31T23:00:00+00:00"
    for start in (first, last):
        for resolution in (None, "PT30M", "PT2H", "PT7M", "P1D", "P40D"):
            answer = meter.get(start=start, resolution=resolution)
            if answer.status_code == 200:
                assert set(answer.get_json()["values"]) == {None}
            else:
                assert "resolution" in errors(answer, "query")
    assert "duration" in errors(meter.get(start=last, duration="PT61M"), "query")


def test_too_many_values(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(meter.site.config, "FLEXMEASURES_MAX_SENSOR_DATA_VALUES", 4)
    assert len(meter.values()) == 4
    assert "4" in errors(meter.get(resolution="PT10M"), "query")["duration"][0]


def test_who_may_not_read(make: MakeMeter) -> None:
    meter = make(who="other")
    assert meter.get(unit="m").status_code == 403
    meter.token = "nonsense"
    assert meter.get(unit="m").status_code == 401


# Speed


@pytest.fixture
def statements(db: SQLAlchemy, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was sent to the database since the test began or emptied this list."""
    sent: list[str] = []

    def note(*args: Any) -> None:
        sent.append(args[2])

    def counted(name: str) -> Callable[..., Any]:
        function = getattr(wire, name)

        def wrapper(*args: Any) -> Any:
            sent.append(f"COPY to {name}")
            return function(*args)

        return wrapper

    for name in ("read", "write"):
        monkeypatch.setattr(wire, name, counted(name))
    from sqlalchemy import Engine

    event.listen(Engine, "before_cursor_execute", note)
    yield sent
    event.remove(Engine, "before_cursor_execute", note)


def test_statements_do_not_grow_with_values(
    site: Flask, make: MakeMeter, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Once in a while, that looks up whether a sensor has a history.
    monkeypatch.setitem(site.config, "FLEXMEASURES_FORECAST_ON_NEW_DATA", False)
    make().post(0, duration="PT15M")  # makes the user's data source
    for number in (1, 96, 35_040):
        meter, duration = make(), f"PT{15 * number}M"
        statements.clear()
        assert meter.post([1.5] * number, duration=duration).status_code == 200
        # who asks, which sensor, source; our turn (and so what time it is); lock, known, new
        assert len(statements) == 7, "\n".join(statements)
        statements.clear()
        assert len(meter.values(duration=duration)) == number
        assert len(statements) == 3, "\n".join(statements)
        message = {"sensor": meter.address, "start": START, "duration": duration, "unit": "kW"}
        statements.clear()
        meter.send(message | {"values": [2] * number}, "/api/v3_0/sensors/data")
        assert len(statements) == 7, "\n".join(statements)
        statements.clear()
        meter.get("/api/v3_0/sensors/data", **message)
        assert len(statements) == 3, "\n".join(statements)
