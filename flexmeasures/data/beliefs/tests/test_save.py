from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from flexmeasures.data.beliefs import query
from flexmeasures.data.beliefs.save import ReplacementError, Saved, drop_unchanged, save
from flexmeasures.data.beliefs.tests.conftest import MakeSensor
from flexmeasures.data.beliefs.tests.utils import HOUR, START, Belief, as_stored, frame, stored
from flexmeasures.data.beliefs.unchanged import is_unchanged
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.utils.timely import tb

UNCHANGED, NEW, REFUSED = "unchanged", "new", "refused"
A, B = 0, 1  # sources

# What is stored; what comes; what becomes of it. As (source, horizon in hours, value).
RULE = {
    "the same again": ([(A, 0, 5)], (A, 0, 5), UNCHANGED),
    "the same, later": ([(A, 0, 5)], (A, -1, 5), UNCHANGED),
    "an update": ([(A, 0, 5)], (A, -1, 6), NEW),
    "a replacement": ([(A, 0, 5)], (A, 0, 6), REFUSED),
    "a first measurement": ([(A, 6, 5)], (A, -1 / 12, 5), NEW),
    "a measurement on time": ([(A, 6, 5)], (A, 0, 5), NEW),
    "back to the first": ([(A, 6, 5), (A, 3, 6)], (A, 1, 5), NEW),
    "like the latest": ([(A, 6, 5), (A, 3, 6)], (A, 1, 6), UNCHANGED),
    "between two": ([(A, 6, 5), (A, 3, 6)], (A, 4, 5), UNCHANGED),
    "believed earlier": ([(A, 0, 5)], (A, 2, 5), NEW),
    "believed even later": ([(A, -2, 5)], (A, -1, 5), NEW),
    "by another source": ([(A, 0, 5)], (B, 0, 5), NEW),
    "another value by another": ([(A, 0, 5)], (B, 0, 6), NEW),
    "after nothing": ([], (A, 0, 5), NEW),
}


@pytest.mark.parametrize("look_ups", [0, query.LOOK_UPS], ids=["by windows", "one by one"])
@pytest.mark.parametrize(("known", "new", "result"), RULE.values(), ids=RULE)
def test_unchanged_rule(
    sensor: Sensor,
    sources: list[DataSource],
    monkeypatch: pytest.MonkeyPatch,
    look_ups: int,
    known: list[Any],
    new: Any,
    result: str,
) -> None:
    monkeypatch.setattr(query, "LOOK_UPS", look_ups)

    def belief(source: int, horizon: float, value: float) -> Belief:
        return Belief(sources[source], 0, horizon, value)

    before = [belief(*row) for row in known]
    save(frame(sensor, before))
    assert stored(sensor) == as_stored(before)
    beliefs = frame(sensor, [belief(*new)])
    if result == REFUSED:
        with pytest.raises(IntegrityError, match="timed_belief_pkey"):
            save(beliefs)
        assert stored(sensor) == as_stored(before)
        assert len(drop_unchanged(beliefs)) == 1
        return
    assert len(drop_unchanged(beliefs)) == (result == NEW)
    assert save(beliefs) == (Saved(1, 0) if result == NEW else Saved(0, 1))
    after = [*before, belief(*new)] if result == NEW else before
    assert stored(sensor) == as_stored(after)


def test_what_lies_around_is_another_matter(
    make_sensor: MakeSensor, sources: list[DataSource]
) -> None:
    """Other events, sensors and sources do not make a belief unchanged."""
    sensor, other = make_sensor(), make_sensor()
    save(frame(sensor, [Belief(sources[0], 0, 0, 5)]))
    assert save(frame(other, [Belief(sources[0], 0, 0, 5)])).new == 1
    assert save(frame(sensor, [Belief(sources[0], 1, 0, 5)])).new == 1
    assert save(frame(sensor, [Belief(sources[1], 0, 0, 5)])).new == 1


def test_unchanged_beliefs_are_stored_on_demand(sensor: Sensor, source: DataSource) -> None:
    save(frame(sensor, [Belief(source, 0, 0, 5)]))
    again = frame(sensor, [Belief(source, 0, 0, 5), Belief(source, 0, -1, 5)])
    assert save(again, unchanged="store") == Saved(1, 1)  # the same row is not stored twice
    assert {horizon for _, _, horizon, _, _ in stored(sensor)} == {0, -1}


def test_probabilistic_beliefs_are_kept_whole(sensor: Sensor, source: DataSource) -> None:
    def quantiles(horizon: float, low: float, median: float, high: float) -> list[Belief]:
        values = {0.1: low, 0.5: median, 0.9: high}
        return [Belief(source, 0, horizon, value, p) for p, value in values.items()]

    first, same, changed = quantiles(6, 1, 2, 3), quantiles(5, 1, 2, 3), quantiles(4, 1, 2, 4)
    assert save(frame(sensor, first)) == Saved(3, 0)
    assert save(frame(sensor, same)) == Saved(0, 3)
    assert save(frame(sensor, changed)) == Saved(3, 0)
    assert stored(sensor) == as_stored([*first, *changed])


def test_more_values_for_a_stored_belief(sensor: Sensor, source: DataSource) -> None:
    median, low = Belief(source, 0, 6, 2), Belief(source, 0, 6, 1, 0.1)
    save(frame(sensor, [median]))
    assert save(frame(sensor, [median, low])) == Saved(1, 1)
    assert stored(sensor) == as_stored([median, low])


def test_overwriting(sensor: Sensor, source: DataSource, session: Any) -> None:
    save(frame(sensor, [Belief(source, 0, 0, 5), Belief(source, 1, 0, 5)]))
    loaded = session.query(TimedBelief).filter_by(event_start=START).one()
    new = [Belief(source, 0, 0, 6), Belief(source, 1, 0, 5), Belief(source, 2, 0, 7)]
    assert save(frame(sensor, new), overwrite=True) == Saved(2, 1)
    assert stored(sensor) == as_stored(new)
    assert loaded.event_value == 6


def test_refusals_name_the_events_and_store_nothing(sensor: Sensor, source: DataSource) -> None:
    before = [Belief(source, event, 0, 5) for event in range(6)]
    save(frame(sensor, before))
    with pytest.raises(ReplacementError) as refusal:
        save(frame(sensor, [Belief(source, event, 0, event) for event in range(9)]))
    assert refusal.value.events == [START + event * HOUR for event in range(5)]
    assert "2024-01-01T00:00:00+00:00" in str(refusal.value)
    assert stored(sensor) == as_stored(before)


@pytest.mark.parametrize("overwrite", [False, True])
def test_beliefs_that_contradict_each_other(
    sensor: Sensor, source: DataSource, overwrite: bool
) -> None:
    beliefs = frame(sensor, [Belief(source, 0, 0, 5), Belief(source, 0, 0, 6)])
    with pytest.raises(IntegrityError, match="timed_belief_pkey"):
        save(beliefs, overwrite=overwrite)
    assert not stored(sensor)


def test_rows_that_come_twice_are_stored_once(sensor: Sensor, source: DataSource) -> None:
    beliefs = frame(sensor, [Belief(source, 0, 0, 5)])
    assert save(pd.concat([beliefs, beliefs])) == Saved(1, 1)
    assert save([beliefs, beliefs]) == Saved(0, 2)


def test_missing_values_are_no_beliefs(sensor: Sensor, source: DataSource) -> None:
    beliefs = [Belief(source, 0, 0, np.nan), Belief(source, 1, 0, 5)]
    assert save(frame(sensor, beliefs)) == Saved(1, 0)
    assert save(frame(sensor, [Belief(source, 1, 0, np.nan)]), overwrite=True) == Saved(0, 0)
    assert stored(sensor) == as_stored(beliefs[1:])


@pytest.mark.parametrize(
    ("value", "probability", "message"),
    [(np.inf, 0.5, "finite"), (1, 1.5, "between 0 and 1"), (1, np.nan, "cumulative_probability")],
)
def test_numbers_that_say_nothing(
    sensor: Sensor, source: DataSource, value: float, probability: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        save(frame(sensor, [Belief(source, 0, 0, value, probability)]))
    assert not stored(sensor)


def test_only_data_sources_believe(sensor: Sensor) -> None:
    series = pd.Series([1.0], pd.DatetimeIndex([START]))
    beliefs = tb.BeliefsDataFrame(
        series, source=tb.BeliefSource("nobody"), belief_horizon=HOUR, sensor=sensor
    )
    with pytest.raises(TypeError, match="nobody"):
        save(beliefs)


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda beliefs: setattr(beliefs, "sensor", None), ValueError, "which sensor"),
        (lambda beliefs: beliefs.reset_index("source", inplace=True), ValueError, "'source'"),
        (
            lambda beliefs: setattr(
                beliefs, "index", beliefs.index.set_levels([pd.Timestamp("2024-01-01")], level=0)
            ),
            TypeError,
            "'event_start'",
        ),
    ],
)
def test_spoilt_frames(
    sensor: Sensor, source: DataSource, spoil: Any, error: type[Exception], message: str
) -> None:
    beliefs = frame(sensor, [Belief(source, 0, 0, 5)])
    spoil(beliefs)
    with pytest.raises(error, match=message):
        save(beliefs)


def test_new_sources_are_stored_too(sensor: Sensor) -> None:
    newcomer = DataSource("newcomer", type="script")
    save(frame(sensor, [Belief(newcomer, 0, 0, 5)]))
    assert newcomer.id is not None
    assert stored(sensor) == as_stored([Belief(newcomer, 0, 0, 5)])


def test_kinds_of_frames(make_sensor: MakeSensor, source: DataSource) -> None:
    """By horizon or time, start or end of events, as a column; and several at once."""
    belief = [Belief(source, 0, 1, 5)]
    kinds = [
        lambda beliefs: beliefs,
        lambda beliefs: beliefs["event_value"],
        lambda beliefs: beliefs.convert_index_from_belief_time_to_horizon(),
        by_event_end,
        lambda beliefs: beliefs.convert_timezone_of_event_timing_index("Asia/Seoul"),
    ]
    sensors = [make_sensor() for _ in kinds]
    beliefs = [kind(frame(sensor, belief)) for kind, sensor in zip(kinds, sensors, strict=True)]
    assert save(beliefs) == Saved(len(kinds), 0)
    for sensor in sensors:
        assert stored(sensor) == as_stored(belief)


def by_event_end(beliefs: tb.BeliefsDataFrame) -> tb.BeliefsDataFrame:
    ends = beliefs.index.levels[0] + beliefs.event_resolution
    beliefs.index = beliefs.index.set_levels(ends, level=0).rename("event_end", level=0)
    return beliefs


def test_nothing_to_save(sensor: Sensor) -> None:
    assert save([]) == save(frame(sensor, [])) == Saved(0, 0)


def test_frames_of_another_resolution_are_warned_about(
    sensor: Sensor, source: DataSource, caplog: pytest.LogCaptureFixture
) -> None:
    beliefs = frame(sensor, [Belief(source, 0, 0, 5)])
    beliefs.event_resolution = timedelta(minutes=15)
    save(beliefs)
    assert "0:15:00" in caplog.text
    assert sensor.name in caplog.text


@pytest.mark.parametrize("number", [1, query.LOOK_UPS + 1])
@pytest.mark.parametrize("overwrite", [False, True])
def test_number_of_statements(
    sensor: Sensor, source: DataSource, statements: list[str], number: int, overwrite: bool
) -> None:
    beliefs = [Belief(source, event, 0, 5) for event in range(number)]
    save(frame(sensor, beliefs))
    more = frame(sensor, [Belief(source, e, 0, 5 + overwrite) for e in range(2 * number)])
    statements.clear()
    assert save(more, overwrite=overwrite).new == (2 if overwrite else 1) * number
    assert len(statements) <= 4


HORIZONS = st.integers(-2, 3)
VALUES = st.integers(1, 2)
BELIEFS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), HORIZONS, VALUES), max_size=8)


def expected(known: list[Belief], new: list[Belief]) -> tuple[set[Belief], bool]:
    """What is stored after saving deterministic beliefs, one at a time; may it be saved at all?"""
    table = {(b.source, b.event, b.horizon): b for b in known}
    if len({b[:3] for b in new}) < len(set(new)):
        return set(known), False
    for belief in sorted(new, key=lambda b: -b.horizon):
        key = (belief.source, belief.event, belief.horizon)
        if key in table:
            if table[key].value != belief.value:
                return set(known), False
            continue
        earlier = [
            other
            for other in table.values()
            if other[:2] == belief[:2]
            and other.horizon > belief.horizon
            and (other.horizon > 0) == (belief.horizon > 0)
        ]
        if not earlier or min(earlier, key=lambda b: b.horizon).value != belief.value:
            table[key] = belief
    return set(table.values()), True


@pytest.mark.parametrize("look_ups", [0, query.LOOK_UPS], ids=["by windows", "one by one"])
@given(known=BELIEFS, new=BELIEFS)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
def test_saving_at_once_is_like_saving_one_by_one(
    make_sensor: MakeSensor,
    sources: list[DataSource],
    look_ups: int,
    known: list[Any],
    new: list[Any],
) -> None:
    sensor = make_sensor()
    known, new = (
        [Belief(sources[source], *rest) for source, *rest in beliefs] for beliefs in (known, new)
    )
    known = list({(b.source, b.event, b.horizon): b for b in known}.values())
    save(frame(sensor, known), unchanged="store")
    after, possible = expected(known, new)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(query, "LOOK_UPS", look_ups)
        if possible:
            saved = save(frame(sensor, new))
            assert saved == Saved(len(after) - len(known), len(new) - len(after) + len(known))
        else:
            with pytest.raises(ReplacementError):
                save(frame(sensor, new))
    assert stored(sensor) == as_stored(after)


@pytest.mark.parametrize("seed", range(30))
def test_the_rule_in_sql_is_the_same(
    sensor: Sensor, make_sensor: Any, sources: list[DataSource], session: Any, seed: int
) -> None:
    """Of stored beliefs, those are unchanged that would not be stored if all came at once."""
    random = np.random.default_rng(seed)
    rows = {
        (source, event, horizon, probability): Belief(
            source, event, horizon, float(random.integers(2)), probability
        )
        for source in sources
        for event in range(3)
        for horizon in random.choice([-2, -1, 0, 1, 2, 3], 4, replace=False).tolist()
        for probability in ([0.5], [0.2, 0.5], [0.2, 0.5, 0.8])[random.integers(3)]
    }
    for one in (sensor, make_sensor()):
        save(frame(one, rows.values()), unchanged="store")
    twin = make_sensor()
    save(frame(twin, rows.values()))

    scope = TimedBelief.sensor_id == sensor.id
    gone = session.execute(delete(TimedBelief).where(is_unchanged(scope)))
    assert gone.rowcount == len(rows) - len(stored(twin))
    assert stored(sensor) == stored(twin)
