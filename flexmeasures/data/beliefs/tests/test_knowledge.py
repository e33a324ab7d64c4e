from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import DateTime, literal, select
from timely_beliefs.sensors.func_store import knowledge_horizons
from timely_beliefs.sensors.utils import jsonify_time_dict

from flexmeasures.data.beliefs.knowledge import Timing
from flexmeasures.data.beliefs.rows import EPOCH, microseconds
from flexmeasures.data.beliefs.tests.conftest import MakeSensor
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.utils.timely import tb

UTC = timezone.utc
HOUR = timedelta(hours=1)
ZONES = ["Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "UTC"]
# With both clock changes of these zones, a leap day, and turns of the year.
MOMENTS = st.datetimes(
    datetime(2023, 1, 1), datetime(2024, 12, 31), timezones=st.just(UTC)
) | st.sampled_from(
    [
        datetime(*day, hour, 30, tzinfo=UTC)
        for day in [(2024, 2, 29), (2024, 3, 31), (2024, 10, 27), (2024, 11, 3), (2024, 4, 7)]
        for hour in range(24)
    ]
)


def timing_of(
    function: Any, parameters: dict[str, Any], resolution: timedelta = timedelta(hours=1)
) -> tuple[Timing, tb.Sensor]:
    sensor = tb.Sensor(
        "price", event_resolution=resolution, knowledge_horizon=(function, parameters)
    )
    return Timing.of(sensor), sensor


RULES = st.one_of(
    st.tuples(
        st.just(knowledge_horizons.ex_post),
        st.builds(dict, ex_post_horizon=st.sampled_from([timedelta(0), timedelta(days=-1)])),
    ),
    st.tuples(
        st.just(knowledge_horizons.ex_ante),
        st.builds(dict, ex_ante_horizon=st.sampled_from([timedelta(hours=3), timedelta(days=400)])),
    ),
    st.tuples(st.just(knowledge_horizons.at_date), st.builds(dict, knowledge_time=MOMENTS)),
    st.tuples(
        st.just(knowledge_horizons.x_days_ago_at_y_oclock),
        st.builds(
            dict,
            x=st.integers(0, 3),
            # The library's answer to hours that a clock skips or repeats is not ours (see below).
            y=st.sampled_from([0, 5, 12, 23, 0.25, 12.5, 17.999]),
            z=st.sampled_from(ZONES),
        ),
    ),
    st.tuples(
        st.just(knowledge_horizons.x_years_ago_at_date),
        st.builds(
            dict,
            x=st.integers(1, 3),
            day=st.integers(1, 28),
            month=st.integers(1, 12),
            z=st.sampled_from(ZONES),
        ),
    ),
)


@given(RULES, st.lists(MOMENTS, max_size=5))
def test_arrays_agree_with_the_library(rule: Any, moments: list[datetime]) -> None:
    timing, sensor = timing_of(*rule)
    known = timing.knowledge_times(np.array([microseconds(m) for m in moments], np.int64))
    # one by one, since the library reads some rules differently for several events at once
    assert known.tolist() == [microseconds(sensor.knowledge_time(m)) for m in moments]


@pytest.mark.parametrize("session_timezone", ["UTC", "Europe/Amsterdam"])
@given(
    rule=RULES
    | st.tuples(
        st.just(knowledge_horizons.x_days_ago_at_y_oclock),
        st.builds(dict, x=st.integers(0, 2), y=st.floats(0, 24), z=st.sampled_from(ZONES)),
    ),
    moments=st.lists(MOMENTS, min_size=1, max_size=10),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_sql_agrees_with_arrays(
    session: Any, session_timezone: str, rule: Any, moments: list[datetime]
) -> None:
    session.connection().exec_driver_sql(f"SET LOCAL TIME ZONE '{session_timezone}'")
    timing, _ = timing_of(*rule)
    known = timing.knowledge_times(np.array([microseconds(m) for m in moments], np.int64))
    columns = [timing.knowledge_time(literal(m, DateTime(timezone=True))) for m in moments]
    assert [microseconds(moment) for moment in session.execute(select(*columns)).one()] == [
        *known.tolist()
    ]


@pytest.mark.parametrize(
    ("zone", "day", "clock", "instant"),
    [
        # The clock shows this time twice: the first of the two.
        ("Europe/Amsterdam", "2024-10-27", 2.5, "2024-10-27T00:30Z"),
        ("America/New_York", "2024-11-03", 1.5, "2024-11-03T05:30Z"),
        ("Australia/Lord_Howe", "2024-04-07", 1.75, "2024-04-06T14:45Z"),
        # It skips this time: as if it had not been changed yet.
        ("Europe/Amsterdam", "2024-03-31", 2.5, "2024-03-31T01:30Z"),
        ("America/New_York", "2024-03-10", 2.5, "2024-03-10T07:30Z"),
        ("Australia/Lord_Howe", "2024-10-06", 2.25, "2024-10-05T15:45Z"),
        # Just before and after.
        ("Europe/Amsterdam", "2024-10-27", 1.5, "2024-10-26T23:30Z"),
        ("Europe/Amsterdam", "2024-10-27", 3.5, "2024-10-27T02:30Z"),
        # A leap day.
        ("Europe/Amsterdam", "2024-02-29", 12, "2024-02-29T11:00Z"),
    ],
)
def test_clock_changes(session: Any, zone: str, day: str, clock: float, instant: str) -> None:
    """Events on the next day are known on this day at that time on the clock."""
    timing, _ = timing_of(
        knowledge_horizons.x_days_ago_at_y_oclock, {"x": 1, "y": clock, "z": zone}
    )
    noon = datetime.fromisoformat(day).replace(hour=12, tzinfo=ZoneInfo(zone))
    event = (noon + timedelta(days=1)).astimezone(UTC)
    expected = datetime.fromisoformat(instant.replace("Z", "+00:00"))
    [known] = timing.knowledge_times(np.array([microseconds(event)]))
    assert EPOCH + timedelta(microseconds=int(known)) == expected
    column = timing.knowledge_time(literal(event, DateTime(timezone=True)))
    assert session.scalar(select(column)) == expected


def test_documented_example() -> None:
    """Day-ahead prices: known at noon of the day before, in Paris."""
    timing, _ = timing_of(
        knowledge_horizons.x_days_ago_at_y_oclock, {"x": 1, "y": 12, "z": "Europe/Paris"}
    )
    event = datetime(2023, 3, 4, 23, tzinfo=ZoneInfo("Europe/Paris"))
    [known] = timing.knowledge_times(np.array([microseconds(event)]))
    assert microseconds(event) - known == microseconds(timedelta(hours=35))


@given(RULES, MOMENTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_sensors_know_it(sensor: Sensor, rule: Any, moment: datetime) -> None:
    """Of single events and of several, whatever their timezone."""
    _, unstored = timing_of(*rule)
    sensor.knowledge_horizon_fnc = unstored.knowledge_horizon_fnc
    sensor.knowledge_horizon_par = unstored.knowledge_horizon_par
    known = unstored.knowledge_time(moment)
    local = moment.astimezone(ZoneInfo("America/New_York"))
    several = pd.DatetimeIndex([moment, moment]).tz_convert("America/New_York")
    assert sensor.knowledge_time(local) == known
    assert sensor.knowledge_time(several).tolist() == [known, known]
    assert sensor.knowledge_time(several).tz == several.tz
    assert sensor.knowledge_horizon(local) == moment - known
    assert sensor.knowledge_horizon(several).tolist() == [moment - known, moment - known]
    assert sensor.knowledge_time(local, HOUR / 4) == unstored.knowledge_time(moment, HOUR / 4)


def test_beliefs_made_by_hand_across_a_clock_change(
    make_sensor: MakeSensor, source: DataSource
) -> None:
    zone = ZoneInfo("Europe/Amsterdam")
    rule = (knowledge_horizons.x_days_ago_at_y_oclock, {"x": 1, "y": 12, "z": zone.key})
    belief = TimedBelief(
        make_sensor(knowledge_horizon=rule),
        source,
        event_value=1,
        event_start=datetime(2024, 4, 1, 9, tzinfo=zone),
        belief_time=datetime(2024, 3, 30, 12, tzinfo=zone),
    )
    assert belief.belief_horizon == 23 * HOUR


def test_naive_times_are_refused(sensor: Sensor) -> None:
    with pytest.raises(TypeError, match="timezone"):
        sensor.knowledge_time(datetime(2024, 1, 1))


@pytest.mark.parametrize(
    ("function", "parameters", "message"),
    [
        ("by_magic", {}, "not a knowledge horizon function: expected one of ex_post"),
        ("ex_post", {"horizon": "PT0H"}, "not the parameters of ex_post"),
        ("x_days_ago_at_y_oclock", {"x": 1, "y": 12, "z": "Europe/Atlantis"}, "Atlantis"),
        ("x_years_ago_at_date", {"x": 0, "day": 1, "month": 1, "z": "UTC"}, "at least 1"),
    ],
)
def test_bad_rules_are_named(function: str, parameters: dict[str, Any], message: str) -> None:
    sensor = tb.Sensor("price")
    sensor.knowledge_horizon_fnc = function
    sensor.knowledge_horizon_par = jsonify_time_dict(parameters)
    with pytest.raises(ValueError, match=message):
        Timing.of(sensor).knowledge_times(np.array([0]))
