from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import delete

from flexmeasures.api.v3_0.tests.meter import (
    PRIOR,
    START,
    Meter,
    beliefs,
    errors,
    make_meter,
    number_of_beliefs,
)
from flexmeasures.app import create
from flexmeasures.data.beliefs import wire
from flexmeasures.data.config import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.tests.permissions.world import World, build_world, user_named

MakeMeter = Callable[..., Meter]
PROCESSED = {"status": "PROCESSED", "message": "Request has been processed."}
KNOWN = {
    "results": "PROCESSED",
    "status": "ALREADY_RECEIVED_AND_SUCCESSFULLY_PROCESSED",
    "message": "Some of the data has already been received and successfully processed.",
}
HOUR = timedelta(hours=1)


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
    return make()


def test_by_id_and_by_address(meter: Meter) -> None:
    answer = meter.post([1, 2.5, None, 4])
    assert (answer.status_code, answer.get_json()) == (200, PROCESSED)
    assert answer.content_type == "application/json"
    assert meter.values() == [1, 2.5, None, 4]
    message = {"sensor": meter.address, "start": START, "duration": "P0DT0H45M0S", "unit": "kW"}
    answer = meter.send(message | {"values": [1, 2.5, 3]}, "/api/v3_0/sensors/data")
    assert (answer.status_code, answer.get_json()) == (200, KNOWN)
    assert meter.values() == [1, 2.5, 3, 4]


def test_the_documented_example(meter: Meter) -> None:
    answer = meter.post(220, start="2015-01-01T00:00Z", duration="PT15M", horizon="-PT5M")
    assert answer.get_json() == PROCESSED
    [belief] = beliefs(meter)
    assert belief.event_start == datetime(2015, 1, 1, tzinfo=timezone.utc)
    assert (belief.event_value, belief.belief_horizon) == (220, timedelta(minutes=-5))
    source = belief.source
    assert (source.name, source.type) == ("member", "user")
    assert source.user == user_named("member")


def test_spellings(meter: Meter) -> None:
    message = {"start": "2026-03-01T00:00:00 01:00", "duration": "PT15M", "unit": "kW"}
    assert meter.send(message | {"value": 220}).get_json() == PROCESSED
    assert meter.values(duration="PT15M") == [220]
    both = meter.send(message | {"value": 220, "values": [220]})
    assert errors(both, "json").keys() == {"values"}
    assert meter.post(["1.5", " 2e1 ", 3, None]).get_json() == PROCESSED
    assert meter.values() == [1.5, 20, 3, None]


# Outcomes


def test_sending_again(meter: Meter) -> None:
    measured = {"prior": "2026-03-02T00:00:00+01:00"}
    assert meter.post([1, 2], **measured).get_json() == PROCESSED
    assert meter.post([1, 2], **measured).get_json() == KNOWN
    assert meter.post([1, 2]).get_json() == KNOWN  # the same, recorded later
    assert number_of_beliefs(meter) == 4
    assert meter.post([1, 3]).get_json() == KNOWN  # partly
    assert meter.values() == [1, 1, 3, 3]


def test_nothing_but_nulls(meter: Meter) -> None:
    assert meter.post([None, None]).get_json() == KNOWN
    assert number_of_beliefs(meter) == 0


def test_nulls_do_not_overwrite(meter: Meter) -> None:
    meter.post([1, 2, 3, 4])
    assert meter.post([None, 5, None, None]).get_json() == PROCESSED
    assert meter.values() == [1, 5, 3, 4]


def test_a_replacement_is_refused_as_a_whole(meter: Meter) -> None:
    meter.post([1, 2, 3, 4], prior=PRIOR)
    answer = meter.post([1, 2, 7, 8, 9, 9, 9, 9], duration="PT2H", prior=PRIOR)
    assert answer.status_code == 403
    assert answer.get_json() == {
        "results": "Rejected",
        "status": "INVALID_REPLACEMENT",
        "message": (
            "Some of the data represents a replacement, which is reserved for servers in play mode."
            " Enable play mode or update the prior in your request. Events with other values"
            " already: 2026-03-01T00:30:00+01:00, 2026-03-01T00:45:00+01:00."
        ),
    }
    assert meter.values(duration="PT2H") == [1, 2, 3, 4, None, None, None, None]


def test_only_some_of_many_clashes_are_listed(meter: Meter) -> None:
    meter.post([0.0] * 400, duration="PT100H", prior=PRIOR)
    answer = meter.post([1.0] * 400, duration="PT100H", prior=PRIOR)
    assert answer.get_json()["message"].endswith(" and 390 more.")


def test_replacements_may_be_allowed(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(meter.site.config, "FLEXMEASURES_ALLOW_DATA_OVERWRITE", True)
    meter.post([1, 2], prior=PRIOR)
    assert meter.post([3, 4], prior=PRIOR).get_json() == PROCESSED
    assert meter.values() == [3, 3, 4, 4]


# Resolution


@pytest.mark.parametrize(
    ("values", "duration", "stored"),
    [
        ([1, 2], "PT30M", [1, 2]),
        ([1, 2], "PT1H", [1, 1, 2, 2]),
        (7, "PT1H", [7, 7, 7, 7]),
        # finer than the sensor: averaged, as far as known
        ([1, 2, 3, None, None, None, 4, None, 6], "PT45M", [2, None, 5]),
        ([2, 4], "PT5M", None),  # 2:30 minutes each: only part of an event
    ],
)
def test_resolutions(
    meter: Meter, values: Any, duration: str, stored: list[float | None] | None
) -> None:
    meter.post(values, duration=duration)
    stored = stored or [3]
    assert meter.values() == stored + [None] * (4 - len(stored))


@pytest.mark.parametrize(
    ("number", "duration", "found"),
    [(1, "PT20M", "0:20:00"), (2, "PT20M", "0:10:00"), (7, "PT1H", "0:08:34.285714")],
)
def test_resolutions_that_do_not_fit(meter: Meter, number: int, duration: str, found: str) -> None:
    answer = meter.post([1] * number, duration=duration)
    assert errors(answer, "json")["_schema"] == [
        f"Resolution of {found} is incompatible with the sensor's required resolution of 0:15:00."
    ]
    assert number_of_beliefs(meter) == 0


def test_a_start_off_the_grid_is_moved_back(make: MakeMeter) -> None:
    meter = make()
    meter.post([1, 2], start="2026-03-01T00:14:59.5+01:00", duration="PT30M")
    assert meter.values() == [1, 2, None, None]
    # Finer values keep their places.
    other = make()
    other.post([1, 2, 3, 4], start="2026-03-01T00:06:00+01:00", duration="PT20M")
    assert other.values() == [1.5, 3.5, None, None]


def test_a_start_off_the_grid_stays_if_the_sensor_says_so(make: MakeMeter) -> None:
    meter = make(attributes={"floor_datetimes_to_resolution": False})
    meter.post([1, 2], start="2026-03-01T00:07:00+01:00", duration="PT30M")
    assert meter.values(start="2026-03-01T00:07:00+01:00") == [1, 2, None, None]


def test_days_may_be_those_of_the_sensor_or_of_utc(make: MakeMeter) -> None:
    meter = make(24 * 60)
    for start in ("2026-07-01T00:00:00+02:00", "2026-07-11T00:00:00Z"):
        assert meter.post(5, start=start, duration="P1D").status_code == 200
        assert meter.values(start=start, duration="P1D") == [5]
    meter.post(6, start="2026-07-21T08:00:00Z", duration="P1D")
    assert meter.values(start="2026-07-21T00:00:00+02:00", duration="P1D") == [6]


@pytest.mark.parametrize(
    ("start", "hours"), [("2026-03-29T00:00:00+01:00", 23), ("2026-10-25T00:00:00+02:00", 25)]
)
def test_days_on_which_the_clock_changes(make: MakeMeter, start: str, hours: int) -> None:
    hourly = make(60)
    values: list[float | None] = [float(hour) for hour in range(hours)]
    hourly.post(values, start=start, duration=f"PT{hours}H")
    assert hourly.values(start=start, duration=f"PT{hours}H") == values
    # All of the day counts for a sensor of days.
    daily = make(24 * 60)
    assert daily.post(values, start=start, duration=f"PT{hours}H").status_code == 200
    [belief] = beliefs(daily)
    assert belief.event_value == pytest.approx((hours - 1) / 2)
    assert belief.event_start == datetime.fromisoformat(start)


# Instantaneous sensors


def test_readings_at_instants(make: MakeMeter) -> None:
    meter = make(0, unit="%")
    assert meter.post(50, unit="%", duration="PT0H").get_json() == PROCESSED
    assert meter.post(0.6, unit="dimensionless", duration="PT0H", start=PRIOR).status_code == 200
    assert meter.post([1, 2, 3], unit="%", duration="PT15M", start="2026-03-01T01:00Z")
    found = [(belief.event_start.minute, belief.event_value) for belief in beliefs(meter)]
    assert found == [(0, 60), (0, 50), (0, 1), (5, 2), (10, 3)]


def test_readings_between_whole_microseconds(make: MakeMeter) -> None:
    meter = make(0)
    meter.post([1] * 7, duration="PT1H")
    starts = [belief.event_start for belief in beliefs(meter)]
    for number, start in enumerate(starts):
        exact = starts[0] + number * HOUR / 7
        assert abs(start - exact) <= timedelta(microseconds=1)


def test_readings_are_rounded_to_the_frequency_of_the_sensor(make: MakeMeter) -> None:
    meter = make(0, attributes={"frequency": "5min"})
    meter.post(1, duration="PT0H", start="2026-03-01T00:02:29+01:00")
    meter.post(2, duration="PT0H", start="2026-03-01T00:12:30+01:00")
    assert meter.values(duration="PT20M") == [1, None, None, 2]
    odd = make(0, attributes={"frequency": "now and then"})
    assert odd.post(1, duration="PT0H").status_code == 200


def test_zero_durations(make: MakeMeter) -> None:
    instantaneous, ordinary = make(0), make()
    assert errors(instantaneous.post([1, 2], duration="PT0H"), "json").keys() == {"duration"}
    assert errors(ordinary.post([1, 2], duration="PT0H"), "json").keys() == {"duration"}
    assert errors(ordinary.post(1, duration="PT0H"), "json")["_schema"] == [
        "Resolution of 0:00:00 is incompatible with the sensor's required resolution of 0:15:00."
    ]


# Units


@pytest.mark.parametrize(
    ("values", "unit", "duration", "stored"),
    [
        ([1, 2], "MW", "PT30M", [1000, 2000]),
        (1, "kWh", "PT1H", [1, 1, 1, 1]),  # by the length of what was posted
        ([0.25] * 4, "kWh", "PT1H", [1, 1, 1, 1]),
        ([0.5, None, 1, None], "kWh", "PT1H", [2, None, 4, None]),
        ([1, 1, 1], "Wh", "PT15M", [0.012]),
        ([1], "-kW", "PT15M", [-1]),
    ],
)
def test_units_are_converted(
    meter: Meter, values: Any, unit: str, duration: str, stored: list[float | None]
) -> None:
    assert meter.post(values, unit=unit, duration=duration).get_json() == PROCESSED
    assert meter.values() == pytest.approx(stored + [None] * (4 - len(stored)))


def test_offset_units(make: MakeMeter) -> None:
    meter = make(unit="°C")
    meter.post([273.15, None], unit="K", duration="PT30M")
    assert meter.values(unit="°C", duration="PT15M") == pytest.approx([0])


@pytest.mark.parametrize("unit", ["m", "EUR", "", "nonsense", "kW ** 9999999", "\0"])
def test_units_that_do_not_convert(meter: Meter, unit: str) -> None:
    assert errors(meter.post(1, duration="PT15M", unit=unit), "json")["_schema"] == [
        f"Required unit for this sensor is kW, got incompatible unit: {unit}"
    ]


def test_power_is_no_energy(make: MakeMeter) -> None:
    meter = make(unit="kWh")
    assert errors(meter.post(1, unit="kW", duration="PT15M"), "json").keys() == {"_schema"}
    assert meter.post(1, unit="MWh", duration="PT15M").status_code == 200


def test_a_sensor_without_unit(make: MakeMeter) -> None:
    meter = make(unit="")
    assert meter.post(1, unit="", duration="PT15M").status_code == 200
    assert meter.values(unit="", duration="PT15M") == [1]


def test_energy_for_instants(make: MakeMeter) -> None:
    meter = make(0)
    assert errors(meter.post(1, unit="kWh", duration="PT0H"), "json").keys() == {"unit"}
    assert meter.post([1, 1], unit="kWh", duration="PT1H").status_code == 200
    assert [belief.event_value for belief in beliefs(meter)] == [2, 2]


def test_too_large_for_the_unit_of_the_sensor(meter: Meter) -> None:
    assert errors(meter.post([1e308], unit="GW", duration="PT15M"), "json").keys() == {"values"}


def test_all_that_is_wrong_with_the_message_as_a_whole(meter: Meter) -> None:
    answer = meter.post([1, 2], duration="PT20M", unit="m", type="PostPriceDataRequest")
    assert errors(answer, "json")["_schema"] == [
        "Resolution of 0:10:00 is incompatible with the sensor's required resolution of 0:15:00.",
        "Required unit for this sensor is kW, got incompatible unit: m",
        (
            "The unit required for this message type should be convertible to an energy price unit,"
            " got incompatible unit: m"
        ),
    ]


# Types


@pytest.mark.parametrize("kind", ["PostMeterDataRequest", "PostPrognosisRequest"])
def test_power_and_energy_only(make: MakeMeter, kind: str) -> None:
    meter = make(unit="m³/h")
    answer = meter.post(1, duration="PT15M", unit="m³/h", type=kind, horizon="PT0H")
    assert errors(answer, "json")["_schema"] == [
        (
            "The unit required for this message type should be convertible to MW, got incompatible"
            " unit: m³/h"
        )
    ]
    energy = make(unit="kWh")
    answer = energy.post(1, duration="PT15M", unit="kWh", type=kind, horizon="PT0H")
    assert answer.status_code == 200


def test_prices_only(make: MakeMeter) -> None:
    meter = make(unit="EUR/MWh")
    kwargs = {"duration": "PT15M", "type": "PostPriceDataRequest"}
    assert meter.post(1, unit="EUR/kWh", **kwargs).status_code == 200
    assert meter.values(unit="EUR/MWh", duration="PT15M") == pytest.approx([1000])
    assert "_schema" in errors(make(unit="kW").post(1, **kwargs), "json")


@pytest.mark.parametrize(
    ("kind", "horizon", "error"),
    [
        ("PostMeterDataRequest", "PT1M", "Meter data must lie in the past."),
        ("PostMeterDataRequest", "PT0H", None),
        ("PostMeterDataRequest", "-PT1M", None),
        ("PostPrognosisRequest", "-PT1M", "Prognoses must lie in the future."),
        ("PostPrognosisRequest", "PT0H", None),
        ("PostPrognosisRequest", "PT1M", None),
        ("PostSensorDataRequest", "PT1M", None),
        ("PostWeatherDataRequest", "-PT1M", None),
    ],
)
def test_past_and_future(meter: Meter, kind: str, horizon: str, error: str | None) -> None:
    answer = meter.post([1, 2], type=kind, horizon=horizon)
    if error is None:
        assert answer.get_json() == PROCESSED
    else:
        assert errors(answer, "json")["_schema"] == [error]
        assert number_of_beliefs(meter) == 0


# When it was recorded


def recorded(meter: Meter) -> list[str]:
    """Belief times on the clock of 1 March, in Amsterdam."""
    times = [belief.event_start + HOUR / 4 - belief.belief_horizon for belief in beliefs(meter)]
    return [f"{time.astimezone(timezone(HOUR)):%H:%M}" for time in times]


def test_now(meter: Meter) -> None:
    before = datetime.now(timezone.utc)
    meter.post([1, 2])
    after = datetime.now(timezone.utc)
    for belief in beliefs(meter):
        assert before <= belief.event_start + HOUR / 4 - belief.belief_horizon <= after


def test_by_horizon_per_event(meter: Meter) -> None:
    meter.post([1, 2, 3, 4], horizon="PT5M")
    assert recorded(meter) == ["00:10", "00:25", "00:40", "00:55"]


def test_by_prior_at_once(meter: Meter) -> None:
    meter.post([1, 2, 3, 4], prior="2026-03-01T00:20:00+01:00")
    assert recorded(meter) == ["00:20"] * 4


def test_by_the_earlier_of_both(meter: Meter) -> None:
    meter.post([1, 2, 3, 4], prior="2026-03-01T00:30:00+01:00", horizon="PT5M")
    assert recorded(meter) == ["00:10", "00:25", "00:30", "00:30"]


def test_right_after_each_event_in_play_mode(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(meter.site.config, "FLEXMEASURES_MODE", "play")
    meter.post([1, 2, 3, 4])
    assert recorded(meter) == ["00:15", "00:30", "00:45", "01:00"]


def test_horizons_are_relative_to_when_prices_are_known(make: MakeMeter) -> None:
    from timely_beliefs.sensors.func_store.knowledge_horizons import x_days_ago_at_y_oclock

    meter = make(
        60,
        unit="EUR/MWh",
        knowledge_horizon=(x_days_ago_at_y_oclock, {"x": 1, "y": 12, "z": "Europe/Paris"}),
    )
    message = {"start": "2023-03-04T23:00:00+01:00", "unit": "EUR/MWh"}
    meter.post(1, prior="2023-03-03T10:00:00+01:00", **message)
    meter.post(2, prior="2023-03-03T14:00:00+01:00", **message)
    horizons = {belief.event_value: belief.belief_horizon for belief in beliefs(meter)}
    assert horizons == {1: 2 * HOUR, 2: -2 * HOUR}


# Signs


@pytest.mark.parametrize(
    ("attributes", "good", "bad"),
    [
        ({"is_consumer": True, "is_producer": False}, -1, 1),
        ({"is_consumer": False, "is_producer": True}, 1, -1),
        ({"is_consumer": True, "is_producer": False, "consumption_is_positive": True}, 1, -1),
    ],
)
@pytest.mark.parametrize("where", ["attributes", "on_asset"])
def test_signs(
    make: MakeMeter, attributes: dict[str, bool], good: float, bad: float, where: str
) -> None:
    meter = make(**{where: attributes})
    assert meter.post([good, 0, None, good]).status_code == 200
    problems = errors(meter.post([good, good, bad, 0]), "json")
    assert problems.keys() == {"values"}
    assert "item 2" in problems["values"][0]
    assert meter.post([bad], duration="PT15M", unit="-kW").status_code == 200


def test_signs_of_what_works_both_ways(make: MakeMeter) -> None:
    for attributes in ({}, {"is_consumer": True, "is_producer": True}, {"is_consumer": True}):
        assert make(attributes=attributes).post([-1, 1]).status_code == 200


def test_the_sign_of_an_asset_is_about_its_power(make: MakeMeter) -> None:
    meter = make(unit="kWh", on_asset={"is_consumer": True, "is_producer": False})
    assert meter.post([1, -1], unit="kWh").status_code == 200


# Limits


def test_too_many_bytes(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(meter.site.config, "FLEXMEASURES_MAX_SENSOR_DATA_INGESTION_BYTES", 1000)
    answer = meter.post([0.5] * 400, duration="PT100H")
    assert answer.status_code == 413
    assert answer.get_json() == {
        "message": "The body exceeds the limit of 1000 bytes.",
        "status": "PAYLOAD_TOO_LARGE",
    }
    assert number_of_beliefs(meter) == 0
    assert meter.post([0.5] * 4).status_code == 200


def test_too_many_bytes_after_unpacking(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(meter.site.config, "FLEXMEASURES_MAX_SENSOR_DATA_INGESTION_BYTES", 1000)
    values = ",".join(["0.5"] * 400)
    body = f'{{"start": "{START}", "duration": "PT100H", "unit": "kW", "values": [{values}]}}'
    headers = {"Content-Encoding": "gzip"}
    packed = gzip.compress(body.encode())
    assert len(packed) < 1000
    kwargs: Any = {"content_type": "application/json", "headers": headers}
    assert meter.send(packed, **kwargs).status_code == 413
    monkeypatch.setitem(meter.site.config, "FLEXMEASURES_MAX_SENSOR_DATA_INGESTION_BYTES", 9000)
    assert meter.send(packed, **kwargs).get_json() == PROCESSED


def test_too_many_values(make: MakeMeter, monkeypatch: pytest.MonkeyPatch) -> None:
    meter, instantaneous = make(), make(0)
    monkeypatch.setitem(meter.site.config, "FLEXMEASURES_MAX_SENSOR_DATA_VALUES", 100)
    [problem] = errors(meter.post(1, duration="PT26H"), "json")["duration"]
    assert "104" in problem
    assert "100" in problem
    assert "duration" in errors(instantaneous.post([1] * 101), "json")
    assert meter.post(1, duration="PT25H").status_code == 200


def test_huge_windows_are_refused_before_they_take_memory(meter: Meter) -> None:
    answer = meter.post(1, start="1700-01-01T00:00:00+00:00", duration="P200000D")
    assert errors(answer, "json").keys() == {"duration"}
    assert "1000000" in answer.get_json()["message"]["json"]["duration"][0]


# What cannot be used


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("start", None),
        ("start", 5),
        ("start", ""),
        ("start", "2026-03-01"),
        ("start", "2026-03-01T00:00:00"),
        ("start", "9999-12-31T00:00:00Z"),
        ("start", "1677-12-31T00:00:00Z"),
        ("start", "2262-01-01T00:00:00Z"),
        ("duration", None),
        ("duration", 15),
        ("duration", "an hour"),
        ("duration", "P1M"),
        ("duration", "P1Y"),
        ("duration", "-PT1H"),
        ("duration", "P999999999D"),
        ("duration", "PT999999999H"),
        ("duration", "P99999W"),
        ("values", None),
        ("values", []),
        ("values", "many"),
        ("values", True),
        ("values", {"0": 1}),
        ("values", 10**400),
        ("values", [[1]]),
        ("values", [{}]),
        ("unit", None),
        ("unit", 5),
        ("unit", ["kW"]),
        ("unit", "k" * 81),
        ("horizon", None),
        ("horizon", 5),
        ("horizon", "P1M"),
        ("horizon", "P999999999D"),
        ("horizon", "-P999999999D"),
        ("horizon", "P200000D"),
        ("horizon", "-P200000D"),
        ("prior", None),
        ("prior", "now"),
        ("prior", "2026-03-01T00:00:00"),
        ("prior", "9999-12-31T00:00:00Z"),
        ("type", None),
        ("type", "GetSensorDataRequest"),
        ("colour", "blue"),
        ("sensor", 1),
    ],
)
def test_bad_fields(meter: Meter, field: str, value: Any) -> None:
    answer = meter.post(**({"values": [1, 2, 3, 4]} | {field: value}))
    assert list(errors(answer, "json")) == [field]
    assert number_of_beliefs(meter) == 0


def test_the_end_may_not_lie_beyond_what_can_be_counted(meter: Meter) -> None:
    start = "2261-12-31T23:00:00+00:00"
    assert meter.post([1, 2], start=start).status_code == 200
    answer = meter.post([1, 2], start=start, duration="PT2H")
    assert errors(answer, "json")["duration"] == ["Years up to 2261 can be used."]


def test_items_that_are_no_numbers(meter: Meter) -> None:
    answer = meter.post([1, "x", True, None, [2], "3", ""], duration="PT105M")
    wrong = ["Not a valid number."]
    assert errors(answer, "json")["values"] == {"1": wrong, "2": wrong, "4": wrong, "6": wrong}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", '"nan"', "1e999"])
def test_special_numbers(meter: Meter, number: str) -> None:
    body = f'{{"start": "{START}", "duration": "PT1H", "unit": "kW", "values": [1, {number}]}}'
    answer = meter.send(body, content_type="application/json")
    assert errors(answer, "json")["values"] == {
        "1": ["Special numeric values (nan or infinity) are not permitted."]
    }


def test_not_all_of_many_errors_are_listed(meter: Meter) -> None:
    answer = meter.post(["x"] * 5000)
    assert len(errors(answer, "json")["values"]) == 100


def test_missing_fields(meter: Meter) -> None:
    missing = ["Missing data for required field."]
    needed = {"start": missing, "duration": missing, "values": missing, "unit": missing}
    assert errors(meter.send({}), "json") == needed
    answer = meter.send({}, "/api/v3_0/sensors/data")
    assert errors(answer, "json") == needed | {"sensor": missing}
    answer = meter.send("{}", content_type="text/plain")
    assert errors(answer, "json") == needed
    assert errors(meter.send([]), "json") == {"_schema": ["Invalid input type."]}
    answer = meter.send("{", content_type="application/json")
    assert (answer.status_code, answer.get_json()["status"]) == (400, 400)


@pytest.mark.parametrize(
    ("address", "part"),
    [
        ("ea1.2021-01.io.flexmeasures:fm1.99999", "sensor with entity address"),
        ("ea1.2021-01.io.flexmeasures:fm1.99999999999", "doesn't exist"),
        ("ea1.2021-01.io.flexmeasures:fm1.0", "doesn't exist"),
        ("ea1.2021-01.io.flexmeasures:fm0.40:30:302:soc", "ends with the id of a sensor"),
        ("ea1.2021-01.io.flexmeasures:40:30", "ends with the id of a sensor"),
        ("ea1.2021-01.io.flexmeasures:fm1.x", "Could not parse"),
        ("ea1.2021-01", "entity address"),
        ("ea1.2021-13.io.flexmeasures:fm1.1", "YYYY-MM"),
        ("1", "ea1"),
        ("\0\ud800", "ea1"),
        (1, "Not a valid string."),
        (None, "Field may not be null."),
    ],
)
def test_bad_addresses(meter: Meter, address: Any, part: str) -> None:
    message = {"start": START, "duration": "PT15M", "unit": "kW", "values": 1, "sensor": address}
    [problem] = errors(meter.send(message, "/api/v3_0/sensors/data"), "json")["sensor"]
    assert part in problem


# Who may


def test_who_may_not_post(make: MakeMeter) -> None:
    meter = make(who="other")
    answer = meter.post([1, 2], unit="m", duration="PT20M")  # whatever else is wrong
    assert (answer.status_code, answer.get_json()["status"]) == (403, "INVALID_SENDER")
    assert meter.post([1, 2], unit=5).status_code == 422
    meter.token = "nonsense"
    assert meter.post([1, 2], unit=5).status_code == 401
    assert number_of_beliefs(meter) == 0


@pytest.mark.parametrize("id_", ["9999", "0", "-1", "x", "99999999999", "1.5", "%00"])
def test_unknown_sensors(meter: Meter, id_: str) -> None:
    message = {"start": START, "duration": "PT15M", "unit": "kW", "values": 1}
    answer = meter.send(message, f"/api/v3_0/sensors/{id_}/data")
    assert (answer.status_code, answer.get_json()["status"]) == (404, 404)


@pytest.mark.parametrize("by_address", [False, True])
def test_a_sensor_that_is_deleted_meanwhile(
    meter: Meter, monkeypatch: pytest.MonkeyPatch, by_address: bool
) -> None:
    """By somebody else, after we have read it and before we write."""
    write = wire.write

    def delete_and_write(*args: Any) -> None:
        with db.engine.begin() as connection:
            connection.execute(delete(Sensor).where(Sensor.id == meter.sensor_id))
        write(*args)

    meter.post([1, 2])  # makes the data source, so that only the sensor is missing
    monkeypatch.setattr(wire, "write", delete_and_write)
    message = {"start": START, "duration": "PT1H", "unit": "kW", "values": [3]}
    if by_address:
        answer = meter.send(message | {"sensor": meter.address}, "/api/v3_0/sensors/data")
    else:
        answer = meter.send(message)
    assert answer.status_code == 404


def test_a_source_of_its_own_for_each_user(make: MakeMeter) -> None:
    meter, colleague = make(), make(who="colleague")
    colleague.sensor_id = meter.sensor_id
    meter.post(1, prior=PRIOR, duration="PT15M")
    assert colleague.post(2, prior=PRIOR, duration="PT15M").get_json() == PROCESSED
    assert {belief.source.name for belief in beliefs(meter)} == {"member", "colleague"}
    meter.post(3, duration="PT15M")
    assert DataSource.query.filter_by(name="member").count() == 1
