"""Making schedules: what is stored, by whom, and under which conditions."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.exc import IntegrityError

from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import TimedBelief
from flexmeasures.data.services.scheduling import make_schedule
from flexmeasures.scheduling.exceptions import UnknownPricesException
from flexmeasures.scheduling.tests.worlds import HOUR, QUARTER, START, World, make_world

MODEL = {"soc-unit": "MWh", "soc-at-start": 0, "soc-min": 0, "soc-max": 1}


def schedule(
    world: World, price: Any, model: dict[str, Any] | None = None, **arguments: Any
) -> bool:
    return make_schedule(
        world.battery.id,
        START,
        START + 2 * HOUR,
        world.battery.event_resolution,
        flex_model=MODEL if model is None else model,
        flex_context={"consumption-price-sensor": price.id},
        **arguments,
    )


def battery(**arguments: Any) -> World:
    return make_world(sensor_attributes={"capacity_in_mw": 1}, **arguments)


def stored(world: World) -> pd.DataFrame:
    return world.battery.search_beliefs()


def test_production_is_stored_positive(fresh_db: SQLAlchemy) -> None:
    world = battery()
    assert schedule(world, world.prices([10, 20])) is True
    beliefs = stored(world)
    assert beliefs["event_value"].tolist() == pytest.approx([-1, 1])
    assert beliefs.index.get_level_values("event_start")[0] == START
    source = beliefs.lineage.sources[0]
    assert (source.name, source.type, source.model, source.version) == (
        "Seita",
        "scheduler",
        "StorageScheduler",
        "1",
    )


@pytest.mark.parametrize(
    ("unit", "resolution", "expected"),
    [
        ("kW", HOUR, [-1000, 1000]),
        ("MW", QUARTER, [-1] * 4 + [1] * 4),
        ("kWh", HOUR, [-1000, 1000]),
    ],
)
def test_values_are_in_the_unit_of_the_sensor(
    unit: str, resolution: timedelta, expected: list[float], fresh_db: SQLAlchemy
) -> None:
    world = battery(unit=unit, resolution=resolution)
    schedule(world, world.prices([10, 20]))
    assert stored(world)["event_value"].tolist() == pytest.approx(expected)


def test_the_belief_time_is_the_one_given(fresh_db: SQLAlchemy) -> None:
    world = battery()
    then = START - HOUR
    schedule(world, world.prices([10, 20]), belief_time=then)
    assert set(stored(world).index.get_level_values("belief_time")) == {then}


def test_what_says_nothing_new_is_not_stored_again(fresh_db: SQLAlchemy) -> None:
    world = battery()
    price = world.prices([10, 20])
    for minutes in (30, 20):
        schedule(world, price, belief_time=START - timedelta(minutes=minutes))
    assert fresh_db.session.query(TimedBelief).filter_by(sensor=world.battery).count() == 2


def test_another_outcome_at_the_same_belief_time(
    app: Flask, monkeypatch: pytest.MonkeyPatch, fresh_db: SQLAlchemy
) -> None:
    world = battery()
    price = world.prices([10, 20])
    schedule(world, price, belief_time=START)
    other = MODEL | {"soc-max": 0.5}
    fresh_db.session.commit()
    with pytest.raises(IntegrityError):
        schedule(world, price, other, belief_time=START)
    fresh_db.session.rollback()
    monkeypatch.setitem(app.config, "FLEXMEASURES_ALLOW_DATA_OVERWRITE", True)
    schedule(world, price, other, belief_time=START)
    assert stored(world)["event_value"].tolist() == pytest.approx([-0.5, 0.5])


def test_the_state_of_charge_is_remembered(fresh_db: SQLAlchemy) -> None:
    world = battery(asset_attributes={"soc_in_mwh": 0, "soc_datetime": ""})
    schedule(world, world.prices([10, 20]), MODEL | {"soc-at-start": 0.25})
    assert world.asset.attributes["soc_in_mwh"] == 0.25
    assert world.asset.attributes["soc_datetime"] == START.isoformat()


def test_failures_store_nothing(fresh_db: SQLAlchemy) -> None:
    world = battery()
    price = world.prices([10, 20], start=START - timedelta(days=9))
    with pytest.raises(UnknownPricesException):
        schedule(world, price)
    assert stored(world).empty
    assert fresh_db.session.query(DataSource).filter_by(type="scheduler").count() == 0


@pytest.mark.parametrize("solver", ["cbc", "highs", "appsi_highs"])
def test_the_solver_that_is_configured(
    solver: str, app: Flask, monkeypatch: pytest.MonkeyPatch, fresh_db: SQLAlchemy
) -> None:
    monkeypatch.setitem(app.config, "FLEXMEASURES_LP_SOLVER", solver)
    world = battery()
    schedule(world, world.prices([10, 20]))
    assert stored(world)["event_value"].tolist() == pytest.approx([-1, 1])


def test_unknown_sensor(fresh_db: SQLAlchemy) -> None:
    with pytest.raises(ValueError, match=r"No sensor found with id 9\."):
        make_schedule(9, START, START + HOUR, HOUR)


def test_slots_are_those_of_the_sensor(fresh_db: SQLAlchemy) -> None:
    world = battery()
    with pytest.raises(ValueError, match="have slots of that length, not of 0:15:00"):
        make_schedule(world.battery.id, START, START + HOUR, QUARTER, flex_model=MODEL)


def test_a_custom_scheduler(tmp_path: Path, fresh_db: SQLAlchemy) -> None:
    path = tmp_path / "full_power.py"
    path.write_text(
        "import pandas as pd\n"
        "from flexmeasures import Scheduler\n"
        "class FullPower(Scheduler):\n"
        "    __author__, __version__ = 'My Company', '2'\n"
        "    def compute(self, *args, **kwargs):\n"
        "        index = pd.date_range(self.start, self.end, freq=self.resolution,"
        " inclusive='left')\n"
        "        return pd.Series(self.sensor.get_attribute('capacity_in_mw'), index=index)\n"
        "    def deserialize_config(self):\n"
        "        self.config_deserialized = True\n"
    )
    world = battery(asset_type="windmill")
    world.battery.attributes["custom-scheduler"] = {"module": str(path), "class": "FullPower"}
    make_schedule(world.battery.id, START, START + 2 * HOUR, HOUR)
    beliefs = stored(world)
    assert beliefs["event_value"].tolist() == [-1, -1]
    assert beliefs.lineage.sources[0].name == "My Company"
