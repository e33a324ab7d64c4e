"""`flexmeasures show ... --format csv|json`"""

from __future__ import annotations

import csv
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.cli.conftest import Invoke
from flexmeasures.cli.data_show import (
    list_accounts,
    list_asset_types,
    list_data_sources,
    list_roles,
    list_users,
    plot_beliefs,
    show_account,
    show_generic_asset,
)
from flexmeasures.data.beliefs.save import save
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services.accounts import create_account
from flexmeasures.data.services.toy_account import ToyAccount
from flexmeasures.data.services.users import find_user_by_email
from flexmeasures.utils.timely import tb

SEEN = datetime(2026, 11, 25, 7, 30)
START = datetime(2026, 11, 25, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
JSON, CSV = ("--format", "json"), ("--format", "csv")


@pytest.fixture(autouse=True)
def seen(toy: ToyAccount, fresh_db: SQLAlchemy) -> None:
    user = find_user_by_email("toy-user@flexmeasures.io")
    assert user is not None
    user.last_seen_at = SEEN
    fresh_db.session.commit()


def tables(text: str) -> list[list[dict[str, str]]]:
    """Of CSV: lists with an empty line in between."""
    return [[*csv.DictReader(part.splitlines())] for part in text.split("\n\n")]


def test_accounts(invoke: Invoke) -> None:
    assert json.loads(invoke(list_accounts, *JSON).stdout) == [
        {"id": 1, "name": "Toy Account", "assets": 2}
    ]
    assert invoke(list_accounts, *CSV).stdout == "id,name,assets\n1,Toy Account,2\n"


USER = {
    "id": 1,
    "name": "toy-user",
    "email": "toy-user@flexmeasures.io",
    "last_login": None,
    "last_seen": "2026-11-25T07:30:00+00:00",
    "roles": ["account-admin"],
}


def test_users(invoke: Invoke) -> None:
    about = USER | {"account": "Toy Account", "active": True}
    assert json.loads(invoke(list_users, *JSON).stdout) == [about]
    [[row]] = tables(invoke(list_users, *CSV).stdout)
    texts = {"id": "1", "active": "true", "last_login": "", "roles": '["account-admin"]'}
    assert row == about | texts


def test_account(invoke: Invoke) -> None:
    place = [52.374, 4.88969]
    assets = [
        {"id": 1, "name": "toy-battery", "type": "battery", "location": place},
        {"id": 3, "name": "toy-solar", "type": "solar", "location": place},
    ]
    assert json.loads(invoke(show_account, "--id", "1", *JSON).stdout) == {
        "id": 1,
        "name": "Toy Account",
        "roles": [],
        "users": [USER],
        "assets": assets,
    }
    users, rows = tables(invoke(show_account, "--id", "1", *CSV).stdout)
    assert [user["email"] for user in users] == ["toy-user@flexmeasures.io"]
    assert rows[0] == {
        "id": "1",
        "name": "toy-battery",
        "type": "battery",
        "location": "[52.374, 4.88969]",
    }


def test_asset(toy: ToyAccount, invoke: Invoke) -> None:
    asset = toy.battery.generic_asset
    about = json.loads(invoke(show_generic_asset, "--id", "1", *JSON).stdout)
    [sensor] = about.pop("sensors")
    assert about == {
        "id": 1,
        "name": "toy-battery",
        "account_id": 1,
        "parent_asset_id": None,
        "type": "battery",
        "location": [52.374, 4.88969],
        "attributes": dict(asset.attributes),
    }
    assert sensor == {
        "id": 1,
        "name": "discharging",
        "unit": "MW",
        "resolution": "PT15M",
        "timezone": "Europe/Amsterdam",
        "attributes": dict(toy.battery.attributes),
    }
    [[row], [sensor_row]] = tables(invoke(show_generic_asset, "--id", "1", *CSV).stdout)
    assert row["type"] == "battery"
    assert json.loads(row["attributes"]) == dict(asset.attributes)
    assert sensor_row["resolution"] == "PT15M"


def test_roles(invoke: Invoke) -> None:
    shown = json.loads(invoke(list_roles, *JSON).stdout)
    assert shown["account_roles"] == []
    assert [role["name"] for role in shown["user_roles"]] == ["account-admin"]
    account_roles, user_roles = tables(invoke(list_roles, *CSV).stdout)
    assert account_roles == [] and user_roles[0]["name"] == "account-admin"


def test_types_and_sources(fresh_db: SQLAlchemy, invoke: Invoke) -> None:
    source = DataSource(name="Seita, Zürich", type="forecaster", model="naive", version="1.0")
    fresh_db.session.add(source)
    fresh_db.session.commit()
    shown = json.loads(invoke(list_data_sources, *JSON).stdout)
    assert shown[0] == {
        "id": 2,
        "name": "Seita, Zürich",
        "type": "forecaster",
        "user_id": None,
        "model": "naive",
        "version": "1.0",
    }
    [rows] = tables(invoke(list_data_sources, *CSV).stdout)
    assert rows[0]["name"] == "Seita, Zürich" and rows[0]["user_id"] == ""
    shown = json.loads(invoke(list_asset_types, *JSON).stdout)
    assert {"id": 5, "name": "battery", "description": "stationary battery"} in shown


class TestBeliefs:
    WORDS = (
        *("--sensor-id", "2", "--sensor-id", "1"),
        *("--start", "2026-11-25T01:00+01:00", "--duration", "PT2H", "--resolution", "PT1H"),
    )

    @pytest.fixture(autouse=True)
    def data(self, toy: ToyAccount, fresh_db: SQLAlchemy) -> None:
        source = fresh_db.session.get_one(DataSource, 1)

        def store(sensor: Sensor, *values: float) -> None:
            beliefs = [
                tb.TimedBelief(
                    sensor,
                    source,
                    event_start=START + hour * HOUR,
                    belief_horizon=timedelta(0),
                    event_value=value,
                )
                for hour, value in enumerate(values)
            ]
            save(tb.BeliefsDataFrame(beliefs))

        store(toy.prices, 10, 20.5)
        store(toy.battery, 0.25)
        fresh_db.session.commit()

    def test_json(self, invoke: Invoke) -> None:
        shown = json.loads(invoke(plot_beliefs, *self.WORDS, *JSON).stdout)
        assert shown == [
            {
                "sensor_id": 2,
                "name": "day-ahead prices",
                "unit": "EUR/MWh",
                "beliefs": [
                    {"event_start": "2026-11-25T01:00:00+01:00", "event_value": 10},
                    {"event_start": "2026-11-25T02:00:00+01:00", "event_value": 20.5},
                ],
            },
            {
                "sensor_id": 1,
                "name": "discharging",
                "unit": "MW",
                "beliefs": [{"event_start": "2026-11-25T01:00:00+01:00", "event_value": 0.25}],
            },
        ]

    def test_csv(self, invoke: Invoke, tmp_path: Any) -> None:
        file = ("--to-file", str(tmp_path / "data.csv"))
        shown = invoke(plot_beliefs, *self.WORDS, *CSV, *file, "--timezone", "UTC")
        assert shown.stdout == (
            "event_start,day-ahead prices (in EUR/MWh),discharging (in MW)\n"
            "2026-11-25T00:00:00+00:00,10.0,0.25\n"
            "2026-11-25T01:00:00+00:00,20.5,\n"
        )
        assert shown.stderr == "Data saved to file.\n"

    def test_table(self, invoke: Invoke) -> None:
        shown = invoke(plot_beliefs, *self.WORDS, "--format", "table").stdout.splitlines()
        header = "Event start                day-ahead prices (in EUR/MWh)    discharging (in MW)"
        assert [line.rstrip() for line in (shown[0], shown[-1])] == [
            header,
            "2026-11-25T02:00:00+01:00  20.5",
        ]


def test_nothing_is_a_list_as_well(fresh_db: SQLAlchemy, toy: ToyAccount, invoke: Invoke) -> None:
    create_account("Bakery")
    fresh_db.session.commit()
    shown = json.loads(invoke(show_account, "--id", "2", *JSON).stdout)
    assert shown["users"] == shown["assets"] == []
    fresh_db.session.delete(toy.solar)
    fresh_db.session.commit()
    assert json.loads(invoke(show_generic_asset, "--id", "3", *JSON).stdout)["sensors"] == []


def test_unknown_format(invoke: Invoke) -> None:
    assert "'--format'" in invoke(list_accounts, "--format", "xml", exit_code=2).stderr
