from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pandas as pd
import pytest

from flexmeasures.data.queries import utils
from flexmeasures.data.services.time_series import (
    aggregate_values,
    set_bdf_source,
    simplify_index,
)
from flexmeasures.utils.timely import tb

START = datetime(2024, 1, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
ANN, BOB = tb.BeliefSource("Ann"), tb.BeliefSource("Bob")


def beliefs(
    values: list[float],
    source: tb.BeliefSource = ANN,
    resolution: timedelta = HOUR,
    horizon: timedelta = timedelta(0),
    offset: int = 0,
) -> tb.BeliefsDataFrame:
    sensor = tb.Sensor(f"sensor of {source}", event_resolution=resolution)
    starts = pd.date_range(START + offset * HOUR, periods=len(values), freq=resolution)
    series = pd.Series(values, starts, dtype=float)
    frame = tb.BeliefsDataFrame(series, sensor=sensor, source=source, belief_horizon=horizon)
    return frame.convert_index_from_belief_horizon_to_time()


class TestAggregateValues:
    def test_missing_values_count_as_nothing(self) -> None:
        result = aggregate_values({"a": beliefs([1, 2, 3]), "b": beliefs([10, 20], offset=2)})
        assert result["event_value"].tolist() == [1, 2, 13, 20]
        assert result.event_starts.tolist() == [START + n * HOUR for n in range(4)]
        assert result.sources.tolist() == [ANN] * 4
        assert result.event_resolution == HOUR

    def test_sums_are_known_when_the_last_part_is(self) -> None:
        result = aggregate_values({"a": beliefs([1], horizon=HOUR), "b": beliefs([2])})
        assert result.belief_times.tolist() == [START + HOUR]

    def test_several_sources(self) -> None:
        result = aggregate_values({"a": beliefs([1]), "b": beliefs([2], BOB)})
        assert result["event_value"].tolist() == [3]
        assert [str(source) for source in result.sources] == ["Ann, Bob"]

    def test_nothing(self) -> None:
        empty = beliefs([])
        assert aggregate_values({"a": empty}).empty
        result = aggregate_values({"a": empty, "b": beliefs([2])})
        assert result["event_value"].tolist() == [2]

    def test_one_belief_of_each_counts(self, caplog: pytest.LogCaptureFixture) -> None:
        frame = beliefs([1])
        several = pd.concat([frame, beliefs([2], horizon=-HOUR)])
        several.sensor = frame.sensor
        result = aggregate_values({"a": several, "b": beliefs([10])})
        assert result["event_value"].tolist() == [11]
        assert "sensor of Ann" in caplog.text

    def test_resolutions_have_to_agree(self) -> None:
        with pytest.raises(ValueError, match="0:30:00, 1:00:00"):
            aggregate_values({"a": beliefs([1]), "b": beliefs([1], resolution=HOUR / 2)})


@pytest.mark.parametrize("source", ["Bob", BOB])
def test_set_bdf_source(source: str | tb.BeliefSource) -> None:
    frame = beliefs([1, 2])
    result = set_bdf_source(frame, source)
    assert [str(other) for other in result.sources] == ["Bob", "Bob"]
    assert result.index.names == frame.index.names
    assert result["event_value"].tolist() == [1, 2]
    assert (result.sensor, result.event_resolution) == (frame.sensor, HOUR)
    assert frame.sources.tolist() == [ANN, ANN]


def test_simplify_index() -> None:
    frame = beliefs([1, 2], horizon=HOUR)
    assert simplify_index is utils.simplify_index
    simple = simplify_index(frame, ["source", "belief_horizon", "event_end"])
    assert simple.index.name == "event_start"
    assert simple.index.tolist() == [START, START + HOUR]
    assert simple["event_value"].tolist() == [1, 2]
    assert simple["source"].tolist() == [ANN, ANN]
    assert simple["belief_horizon"].tolist() == [HOUR, HOUR]
    assert simple["event_end"].tolist() == [START + HOUR, START + 2 * HOUR]
    assert [*simplify_index(frame).columns] == ["event_value"]
    assert frame.index.nlevels == 4
    with pytest.raises(KeyError, match="colour"):
        simplify_index(frame, ["colour"])
