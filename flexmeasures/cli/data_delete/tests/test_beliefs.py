"""`flexmeasures delete` measurements, prognoses, unchanged-beliefs, nan-beliefs and structure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import func, select

from flexmeasures.cli.conftest import Invoke
from flexmeasures.cli.data_delete import (
    delete_asset_and_data,
    delete_measurements,
    delete_nan_beliefs,
    delete_prognoses,
    delete_sensor,
    delete_structure,
    delete_unchanged_beliefs,
)
from flexmeasures.data.models.annotations import Annotation
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.data.models.user import Account, AccountRole, Role, User
from flexmeasures.data.services.annotations import annotate
from flexmeasures.data.services.jobs import enqueue, find_queue, make_job
from flexmeasures.data.services.roles import get_or_create_roles
from flexmeasures.data.services.toy_account import ToyAccount

START = datetime(2026, 11, 25, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


@pytest.fixture
def data(toy: ToyAccount, fresh_db: SQLAlchemy) -> SQLAlchemy:
    """About each of two sensors 2 forecasts and 3 measurements, of which 1 each is unchanged."""
    source = fresh_db.session.get_one(DataSource, 1)
    fresh_db.session.add_all(
        TimedBelief(
            sensor, source, event_start=START, belief_horizon=hours * HOUR, event_value=value
        )
        for sensor in (toy.battery, toy.solar)
        for hours, value in ((2, 1), (1, 1), (0, 1), (-1, 2), (-2, 2))
    )
    fresh_db.session.commit()
    return fresh_db


def horizons(db: SQLAlchemy, sensor_id: int) -> list[float]:
    db.session.rollback()
    query = select(TimedBelief.belief_horizon).filter_by(sensor_id=sensor_id)
    return sorted(horizon / HOUR for horizon in db.session.scalars(query))


class TestMeasurements:
    def test_of_a_sensor(self, data: SQLAlchemy, invoke: Invoke) -> None:
        done = invoke(delete_measurements, "--sensor-id", "1", input="y\n")
        assert (
            f"Sure to delete all measurements from {data.engine}?\n"
            "Affected: 3 beliefs about <Sensor 1: " in done.stderr
        )
        assert done.stdout.splitlines() == [
            f"Deleting (time series) data from the database {data.engine} ...",
            "Deleted 3 measurements (ex-post beliefs)",
        ]
        assert horizons(data, 1) == [1, 2]
        assert len(horizons(data, 3)) == 5

    def test_of_all(self, data: SQLAlchemy, invoke: Invoke) -> None:
        done = invoke(delete_measurements, "--force")
        assert done.stderr == ""
        assert done.stdout.endswith("Deleted 6 measurements (ex-post beliefs)\n")
        assert horizons(data, 1) == horizons(data, 3) == [1, 2]


class TestOldOnes:
    """Kept are events from 25 November 2026 on; each sensor has others, a year earlier."""

    @pytest.fixture(autouse=True)
    def older(self, data: SQLAlchemy) -> Iterator[None]:
        for sensor_id in (1, 3):
            sensor = data.session.get_one(Sensor, sensor_id)
            data.session.add_all(
                TimedBelief(
                    sensor,
                    data.session.get_one(DataSource, 1),
                    event_start=START - timedelta(days=365),
                    belief_horizon=hours * HOUR,
                    event_value=1,
                )
                for hours in (24, 0)
            )
        data.session.commit()
        with time_machine.travel(START + timedelta(days=30)):
            yield

    def test_measurements(self, data: SQLAlchemy, invoke: Invoke) -> None:
        done = invoke(delete_measurements, "--older-than", "P3M", "--force")
        assert done.stdout.endswith("Deleted 2 measurements (ex-post beliefs)\n")
        assert horizons(data, 1) == horizons(data, 3) == [-2, -1, 0, 1, 2, 24]

    def test_prognoses_of_a_sensor(self, data: SQLAlchemy, invoke: Invoke) -> None:
        invoke(delete_prognoses, "--older-than", "P31D", "--sensor-id", "1", "--force")
        assert horizons(data, 1) == [-2, -1, 0, 0, 1, 2]
        assert horizons(data, 3) == [-2, -1, 0, 0, 1, 2, 24]

    def test_jobs_go_on(self, data: SQLAlchemy, invoke: Invoke) -> None:
        enqueue(make_job("forecasting", print, {}, description="print"))
        invoke(delete_prognoses, "--older-than", "P31D", "--force")
        assert find_queue("forecasting").count == 1

    @pytest.mark.parametrize("age", ["-P1D", "P9999Y", "two years"])
    def test_no_age(self, data: SQLAlchemy, invoke: Invoke, age: str) -> None:
        done = invoke(delete_measurements, f"--older-than={age}", "--force", exit_code=2)
        assert "--older-than" in done.stderr
        assert len(horizons(data, 1)) == 7


class TestPrognoses:
    @pytest.fixture(autouse=True)
    def waiting(self, app: Flask, data: SQLAlchemy) -> None:
        """Two forecasting jobs, and a scheduling job."""
        for queue in ("forecasting", "forecasting", "scheduling"):
            enqueue(make_job(queue, print, {}, description="print"))

    def test_of_a_sensor(self, data: SQLAlchemy, invoke: Invoke) -> None:
        done = invoke(delete_prognoses, "--sensor-id", "1", input="y\n")
        assert (
            f"Sure to delete all prognoses from {data.engine}?\n"
            "Affected: 2 beliefs about <Sensor 1: " in done.stderr
        )
        kinds = "forecasts and schedules data"
        assert done.stdout.splitlines() == [
            f"Deleting (time series) {kinds} from the database {data.engine} ...",
            "Deleted 2 forecasts (ex-ante beliefs)",
        ]
        assert horizons(data, 1) == [-2, -1, 0]
        assert len(horizons(data, 3)) == 5
        assert find_queue("forecasting").count == 2

    def test_of_all_with_jobs(self, data: SQLAlchemy, invoke: Invoke) -> None:
        done = invoke(delete_prognoses, "--force")
        assert done.stdout.splitlines()[1:] == [
            "Deleted 2 Forecast Jobs",
            "Deleted 1 Schedule Jobs",
            "Deleted 4 forecasts (ex-ante beliefs)",
        ]
        assert horizons(data, 1) == horizons(data, 3) == [-2, -1, 0]
        assert find_queue("forecasting").count == find_queue("scheduling").count == 0


class TestUnchangedBeliefs:
    def test_all(self, data: SQLAlchemy, invoke: Invoke) -> None:
        done = invoke(delete_unchanged_beliefs, input="y\n")
        question = (
            "Delete 4 unchanged beliefs (2 measurements and 2 forecasts) out of 10 beliefs? [y/N]"
        )
        assert question in done.stderr
        assert done.stdout.splitlines() == [
            "10 beliefs processed ...",
            "Removing 4 beliefs ...",
            "Done! 6 beliefs left",
        ]
        assert horizons(data, 1) == horizons(data, 3) == [-1, 0, 2]
        again = invoke(delete_unchanged_beliefs, "--force")
        assert "Removing 0 beliefs ...\nDone! 6 beliefs left\n" in again.stdout

    @pytest.mark.parametrize(
        ("option", "left"),
        [("--keep-forecasts", [-1, 0, 1, 2]), ("--keep-measurements", [-2, -1, 0, 2])],
    )
    def test_one_kind(
        self, data: SQLAlchemy, invoke: Invoke, option: str, left: list[float]
    ) -> None:
        done = invoke(delete_unchanged_beliefs, "--sensor-id", "1", option, input="y\n")
        assert "Delete 1 unchanged beliefs (" in done.stderr
        assert "out of 5 beliefs?" in done.stderr
        assert done.stdout.endswith("Done! 4 beliefs left\n")
        assert horizons(data, 1) == left
        assert len(horizons(data, 3)) == 5

    def test_neither(self, data: SQLAlchemy, invoke: Invoke) -> None:
        done = invoke(
            delete_unchanged_beliefs, "--keep-forecasts", "--keep-measurements", "--force"
        )
        assert done.stdout.endswith("Done! 10 beliefs left\n")

    @pytest.mark.parametrize("id_", ["77", "0", "99999999999"])
    def test_unknown_sensor(self, data: SQLAlchemy, invoke: Invoke, id_: str) -> None:
        refused = invoke(delete_unchanged_beliefs, "--sensor-id", id_, exit_code=1)
        assert f"Failed to delete any beliefs: no sensor found with id {id_}." in refused.stderr


class TestNanBeliefs:
    @pytest.fixture(autouse=True)
    def spoilt(self, data: SQLAlchemy) -> None:
        for sensor_id in (1, 3):
            query = select(TimedBelief).filter_by(sensor_id=sensor_id).limit(2)
            for belief in data.session.scalars(query):
                belief.event_value = float("nan")
        data.session.commit()

    def test_of_a_sensor(self, data: SQLAlchemy, invoke: Invoke) -> None:
        done = invoke(delete_nan_beliefs, "--sensor-id", "1", input="y\n")
        assert "Delete 2 NaN beliefs out of 5 beliefs? [y/N]" in done.stderr
        assert done.stdout == "Done! 3 beliefs left\n"
        assert len(horizons(data, 3)) == 5

    def test_of_all(self, data: SQLAlchemy, invoke: Invoke) -> None:
        assert invoke(delete_nan_beliefs, "--force").stdout == "Done! 6 beliefs left\n"


COMMANDS: tuple[Any, ...] = (
    delete_measurements,
    delete_prognoses,
    delete_unchanged_beliefs,
    delete_nan_beliefs,
    delete_structure,
)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_declined(data: SQLAlchemy, invoke: Invoke, command: Any, answer: str) -> None:
    declined = invoke(command, input=answer, exit_code=1)
    assert "Aborted!" in declined.stderr
    assert declined.stdout == ""
    assert len(horizons(data, 1)) == len(horizons(data, 3)) == 5


@pytest.mark.parametrize("command", [delete_measurements, delete_prognoses, delete_nan_beliefs])
def test_unknown_sensor(data: SQLAlchemy, invoke: Invoke, command: Any) -> None:
    refused = invoke(command, "--sensor-id", "77", exit_code=2)
    assert "'--sensor-id': No sensor found with id 77." in refused.stderr


def test_what_goes_with_an_asset(data: SQLAlchemy, toy: ToyAccount, invoke: Invoke) -> None:
    toy.solar.generic_asset.parent_asset_id = toy.battery.generic_asset_id
    data.session.commit()
    declined = invoke(delete_asset_and_data, "--id", "1", exit_code=1)
    assert "Affected: 1 child assets, 2 sensors, 10 beliefs" in declined.stderr


def test_sensor_without_asking(data: SQLAlchemy, invoke: Invoke) -> None:
    done = invoke(delete_sensor, "--id", "1", "--force")
    assert done.output == ""
    assert horizons(data, 1) == []


def test_structure(data: SQLAlchemy, toy: ToyAccount, invoke: Invoke) -> None:
    get_or_create_roles(AccountRole, ["Prosumer"])
    annotate(
        "Open day",
        START,
        START + HOUR,
        source=data.session.get_one(DataSource, 1),
        account_id=[1],
        generic_asset_id=[1],
        sensor_id=[1],
    )
    data.session.commit()
    done = invoke(delete_structure, input="y\n")
    assert (
        f"Sure to delete all asset(type)s, sources, roles and users from {data.engine}?\n"
        "Affected: 3 Assets, 7 AssetTypes, 1 DataSources, 1 Users, 1 Roles, 3 Sensors, 10 Beliefs,"
        " 1 Annotations\n" in done.stderr
    )
    assert done.stdout.splitlines() == [
        f"Depopulating structural data from the database {data.engine} ...",
        "Deleted 7 AssetTypes",
        "Deleted 3 Assets",
        "Deleted 1 DataSources",
        "Deleted 1 Roles",
        "Deleted 1 Users",
    ]
    data.session.rollback()
    numbers = {
        model.__name__: data.session.scalars(select(func.count()).select_from(model)).one()
        for model in (
            *(GenericAsset, GenericAssetType, DataSource, User, Role, Sensor),
            *(TimedBelief, Annotation, Account, AccountRole),
        )
    }
    assert {name for name, number in numbers.items() if number} == {"Account", "AccountRole"}
    again = invoke(delete_structure, "--force")
    assert "Deleted 0 Users" in again.stdout
