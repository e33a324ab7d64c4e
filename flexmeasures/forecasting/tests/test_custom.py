from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from flask_sqlalchemy import SQLAlchemy

from flexmeasures import Forecaster
from flexmeasures.data.beliefs.search import search
from flexmeasures.data.models.forecasting.exceptions import NotEnoughDataException
from flexmeasures.forecasting.base import Settings
from flexmeasures.forecasting.registry import find_forecaster_class, find_model, model_map
from flexmeasures.forecasting.tests.worlds import DAY, HOUR, START, World

NewWorld = Callable[..., World]
PLUGIN = '''
import pandas as pd
from flexmeasures import Forecaster

class Persistence(Forecaster):
    """The latest value comes again."""

    __author__ = "Example Ltd"
    __version__ = "2"

    def compute(self, history, event_starts, belief_time, regressors):
        return pd.Series(history.iloc[-1], index=event_starts)
'''


class Warm(Forecaster):
    """Forecasts the temperature, with a band as wide as the history is long."""

    __author__, __version__ = "Example Ltd", "1"
    seen: list[tuple[pd.Series, pd.DatetimeIndex, datetime, pd.DataFrame]]

    def compute(
        self,
        history: pd.Series,
        event_starts: pd.DatetimeIndex,
        belief_time: datetime,
        regressors: pd.DataFrame,
    ) -> pd.DataFrame:
        self.seen = [*getattr(self, "seen", []), (history, event_starts, belief_time, regressors)]
        values = regressors.iloc[:, 0].reindex(event_starts)
        columns: dict[Any, pd.Series] = {"value": values}
        columns |= {q: values + (q - 0.5) * len(history) for q in self.quantiles}
        return pd.DataFrame(columns)


@pytest.fixture
def weather(new_world: NewWorld) -> World:
    world = new_world()
    world.measure([1, np.nan, 3, 4, 5, 6, 7, 8])
    temperature = world.add("temperature", unit="°C")
    world.sensor.attributes["regressors"] = [temperature.id]
    for hour in range(4, 9):
        world.predict(temperature, 20 + hour, START + hour * HOUR, START)
        world.predict(temperature, 30 + hour, START + hour * HOUR, START + 4 * HOUR)
    return world


def make(world: World, **kwargs: Any) -> Warm:
    return Warm(world.sensor, settings=Settings(public_holidays=False), **kwargs)


def test_what_a_plugin_is_given(weather: World) -> None:
    maker = make(weather)
    made = maker.fixed(START + 3 * HOUR, START + 9 * HOUR, START + 3 * HOUR + timedelta(minutes=1))
    [(history, events, belief_time, regressors)] = maker.seen
    local = START.astimezone(belief_time.tzinfo)
    assert np.array_equal(history, [1, np.nan, 3], equal_nan=True)
    assert history.index[0] == local
    assert str(history.index.tz) == str(events.tz) == "Europe/Amsterdam"
    assert events.tolist() == [START + hour * HOUR for hour in range(3, 9)]
    assert belief_time == START + 3 * HOUR + timedelta(minutes=1)
    [name] = regressors.columns
    assert name == str(weather.sensor.attributes["regressors"][0])
    # The forecasts that were made later are not seen.
    assert regressors[name].dropna().tolist() == [24, 25, 26, 27, 28]
    assert made.frame["value"].tolist() == [24, 25, 26, 27, 28]  # none of the first event
    assert set(made.frame["rung"]) == {"Warm"}
    assert maker.get_data_source_info("Warm") == {
        "name": "Example Ltd",
        "model": "Warm",
        "version": "1",
    }


def test_a_plugin_is_asked_once_per_belief_time(weather: World) -> None:
    maker = make(weather, quantiles=[0.1, 0.9])
    made = maker.rolling(START + 4 * HOUR, START + 7 * HOUR, [HOUR, 2 * HOUR])
    assert len(maker.seen) == 4
    assert [len(events) for _, events, _, _ in maker.seen] == [1, 2, 2, 1]
    frame = made.frame
    assert frame["value"].tolist() == [24, 34, 35, 35, 36, 36]
    assert frame["belief_horizon"].tolist() == 3 * [pd.Timedelta(2 * HOUR), pd.Timedelta(HOUR)]
    assert (frame[0.1] < frame["value"]).all()
    assert (frame[0.9] > frame["value"]).all()


def test_a_plugin_without_an_answer(weather: World) -> None:
    with pytest.raises(NotEnoughDataException, match="Warm has no forecast"):
        make(weather).fixed(START + 20 * DAY, START + 21 * DAY, START + DAY)
    with pytest.raises(NotEnoughDataException, match="Not enough data to forecast power"):
        make(weather).fixed(START, START + HOUR, START)


def test_a_plugin_that_gives_no_quantiles(weather: World) -> None:
    class Narrow(Warm):
        def compute(self, *args: Any, **kwargs: Any) -> Any:
            return super().compute(*args, **kwargs)["value"]

    maker = Narrow(weather.sensor, quantiles=[0.1])
    with pytest.raises(ValueError, match=r"Narrow gave no column 0\.1"):
        maker.fixed(START + 5 * HOUR, START + 6 * HOUR, START + 5 * HOUR)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda events: None, "gave a NoneType; expected a Series"),
        (lambda events: [1.0] * len(events), "gave a list; expected a Series"),
        (lambda events: pd.Series(range(len(events))), "index its forecasts by the event starts"),
        (lambda events: pd.Series(1.0, events.tz_localize(None)), "by the event starts"),
        (lambda events: pd.Series(1.0, events.append(events)), "several forecasts of 2026-01-05"),
        (lambda events: pd.Series("high", events), "'high'"),
    ],
)
def test_answers_that_are_none(weather: World, answer: Callable[..., Any], reason: str) -> None:
    class Strange(Warm):
        def compute(self, history: Any, event_starts: Any, *args: Any) -> Any:
            return answer(event_starts)

    with pytest.raises(ValueError, match=reason):
        Strange(weather.sensor).fixed(START + 5 * HOUR, START + 7 * HOUR, START + 5 * HOUR)


def test_a_plugin_from_beliefs_to_beliefs(
    db: SQLAlchemy, new_world: NewWorld, tmp_path: Path
) -> None:
    from flexmeasures.data.services.forecasting import forecast

    path = tmp_path / "persistence.py"
    path.write_text(PLUGIN)
    spec = {"module": str(path), "class": "Persistence"}
    world = new_world(attributes={"custom-forecaster": spec})
    world.measure(np.arange(48))
    start = START + DAY
    outcome = forecast(world.sensor, start, start + 3 * HOUR, horizons=[2 * HOUR])
    assert outcome.forecasts == 3
    found = search([world.sensor], source_types=["forecaster"])[world.sensor]
    stored = found.reset_index()
    assert stored["event_value"].tolist() == [22, 23, 24]
    assert (stored["event_start"] - stored["belief_time"]).tolist() == 3 * [pd.Timedelta(HOUR)]
    [source] = set(stored["source"])
    assert (source.name, source.model, source.version) == ("Example Ltd", "Persistence", "2")


def test_the_class_that_forecasts_a_sensor(new_world: NewWorld) -> None:
    world = new_world()
    assert find_forecaster_class(world.sensor).__name__ == "ModelForecaster"
    world.asset.attributes["custom-forecaster"] = {"module": __name__, "class": "Warm"}
    assert find_forecaster_class(world.sensor) is Warm
    base = {"module": "flexmeasures.forecasting.base", "class": "Forecaster"}
    world.sensor.attributes["custom-forecaster"] = base
    with pytest.raises(NotImplementedError, match="method `compute`"):
        find_forecaster_class(world.sensor)


@pytest.mark.parametrize(
    "spec",
    [
        None,
        "Warm",
        {},
        {"module": __name__},
        {"module": 5, "class": "Warm"},
        {"module": __name__, "class": "Hot"},
        {"module": __name__, "class": "PLUGIN"},
        {"module": "datetime", "class": "datetime"},
    ],
)
def test_classes_that_forecast_nothing(new_world: NewWorld, spec: Any) -> None:
    world = new_world(attributes={"custom-forecaster": spec})
    with pytest.raises(ValueError, match="class"):
        find_forecaster_class(world.sensor)


def test_unknown_module(new_world: NewWorld) -> None:
    spec = {"module": "no_such_module", "class": "Warm"}
    with pytest.raises(ModuleNotFoundError):
        find_forecaster_class(new_world(attributes={"custom-forecaster": spec}).sensor)


def test_models_by_term() -> None:
    line: list[str] = []
    term: str | None = "AUTO"
    while term is not None:
        model, identifier, term = find_model(term)
        line.append(identifier)
        assert callable(model.fit)
    assert line == [
        "auto model v1",
        "linear-OLS model v2",
        "seasonal-naive model v1",
        "naive model v1",
        "average model v1",
    ]
    assert find_model("linear")[1] == find_model("Linear-OLS")[1]
    assert set(model_map) >= {"linear", "linear-ols", "naive"}
    with pytest.raises(Exception, match="No model found for search term 'x'"):
        find_model("x")
