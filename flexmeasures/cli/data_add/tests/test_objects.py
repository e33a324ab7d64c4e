"""`flexmeasures add` sensor, asset and asset-type."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import func, select

from flexmeasures.cli.conftest import Invoke
from flexmeasures.cli.data_add import add_asset, add_asset_type, add_sensor
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services.accounts import create_account
from flexmeasures.data.services.toy_account import ToyAccount

SENSOR = {
    "--name": "temperature",
    "--unit": "°C",
    "--event-resolution": "15",
    "--timezone": "Europe/Amsterdam",
    "--asset-id": "1",
}
ASSET = {"--name": "oven", "--account-id": "1", "--asset-type-id": "6"}


def words(options: dict[str, str], **changes: str | None) -> list[str]:
    """The options, some of them changed (or, with None, left out)."""
    changed = {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
    return [
        word
        for option, value in (options | changed).items()
        if value is not None
        for word in (option, value)
    ]


def last(db: SQLAlchemy, model: Any) -> Any:
    db.session.rollback()
    return db.session.scalars(select(model).order_by(model.id.desc()).limit(1)).one()


def count(db: SQLAlchemy, model: Any) -> int:
    db.session.rollback()
    return db.session.scalars(select(func.count()).select_from(model)).one()


class TestSensor:
    def test_added(self, toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        told = invoke(add_sensor, *words(SENSOR, attributes='{"x": [1]}')).stdout.splitlines()
        assert told[0] == "Successfully created sensor with ID 4"
        start = "You can access it at its entity address "
        assert re.fullmatch(rf"{start}ea1\.\d{{4}}-\d\d\.localhost:fm1\.4", told[1])
        sensor = last(fresh_db, Sensor)
        assert (sensor.name, sensor.unit, sensor.timezone) == (
            "temperature",
            "°C",
            "Europe/Amsterdam",
        )
        assert sensor.event_resolution.total_seconds() == 900
        assert sensor.generic_asset_id == 1
        assert sensor.attributes == {"x": [1]}

    @pytest.mark.parametrize(("text", "minutes"), [("0", 0), ("1440", 1440), ("PT1H", 60)])
    def test_resolutions(
        self, toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke, text: str, minutes: int
    ) -> None:
        invoke(add_sensor, *words(SENSOR, event_resolution=text))
        assert last(fresh_db, Sensor).event_resolution.total_seconds() == 60 * minutes

    def test_power_needs_a_capacity(
        self, toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke
    ) -> None:
        refused = invoke(add_sensor, *words(SENSOR, unit="kW"), exit_code=1)
        assert "A sensor which measures power needs a capacity (see --attributes)." in (
            refused.stderr
        )
        assert count(fresh_db, Sensor) == 3
        invoke(add_sensor, *words(SENSOR, unit="kW", attributes='{"capacity_in_mw": 1}'))
        assert last(fresh_db, Sensor).attributes == {"capacity_in_mw": 1}

    @pytest.mark.parametrize(
        ("changes", "exit_code", "says"),
        [
            ({"timezone": "Mars/Base"}, 1, "Timezone Mars/Base is unknown!"),
            ({"attributes": "{x"}, 1, "Error decoding --attributes. Please check your JSON: "),
            ({"attributes": '{"x": NaN}'}, 1, "Error decoding --attributes."),
            ({"attributes": '{"x": "\\u0000"}'}, 1, "Error decoding --attributes."),
            ({"attributes": "[1]"}, 1, "Attributes should be a dict."),
            ({"asset_id": "77"}, 1, "Generic asset with id 77 doesn't exist."),
            ({"asset_id": "-1"}, 1, "Generic asset with id -1 doesn't exist."),
            ({"asset_id": "99999999999"}, 1, "Generic asset with id 99999999999 doesn't exist."),
            ({"event_resolution": "-15"}, 2, "a whole number of minutes that is not negative"),
            ({"event_resolution": "15.5"}, 2, "a whole number of minutes that is not negative"),
            ({"unit": "apples"}, 1, "Unit 'apples' cannot be handled."),
            ({"name": ""}, 1, "'name'"),
            ({"name": "x" * 121}, 1, "'name'"),
            ({"name": "discharging"}, 1, "A sensor with the name discharging already exists"),
            ({"event_resolution": "-5"}, 2, "'--event-resolution'"),
            ({"event_resolution": "often"}, 2, "'--event-resolution'"),
            ({"event_resolution": "PT1S"}, 1, "A resolution is a whole number of minutes."),
            ({"event_resolution": "999999999"}, 1, "A resolution is 100 years at most."),
            ({"timezone": "Mars/Base", "unit": "apples"}, 1, "Timezone Mars/Base"),
            ({"unit": None}, 2, "Missing option '--unit'"),
        ],
    )
    def test_refused(
        self,
        toy: ToyAccount,
        fresh_db: SQLAlchemy,
        invoke: Invoke,
        changes: dict[str, str | None],
        exit_code: int,
        says: str,
    ) -> None:
        assert says in invoke(add_sensor, *words(SENSOR, **changes), exit_code=exit_code).stderr
        assert count(fresh_db, Sensor) == 3

    def test_errors_of_the_schema(self, toy: ToyAccount, invoke: Invoke) -> None:
        refused = invoke(add_sensor, *words(SENSOR, unit="apples", asset_id="77"), exit_code=1)
        assert refused.stderr == (
            "Please correct the following errors:\n"
            """{'unit': ["Unit 'apples' cannot be handled."], """
            """'generic_asset_id': ["Generic asset with id 77 doesn't exist."]}\n"""
            " Use the --help flag to learn more.\n"
            "Aborted!\n"
        )


class TestAssetType:
    def test_added(self, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        told = invoke(add_asset_type, "--name", "oven", "--description", "bakes").stdout
        assert told == (
            "Successfully created asset type with ID 1.\nYou can now assign assets to it.\n"
        )
        asset_type = last(fresh_db, GenericAssetType)
        assert (asset_type.name, asset_type.description) == ("oven", "bakes")

    def test_taken(self, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        invoke(add_asset_type, "--name", "oven")
        refused = invoke(add_asset_type, "--name", "oven", exit_code=1)
        assert "Asset type 'oven' already exists." in refused.stderr
        assert count(fresh_db, GenericAssetType) == 1

    @pytest.mark.parametrize(
        ("name", "description"), [(" ", "x"), ("x" * 81, "x"), ("a\nb", "x"), ("x", "x" * 81)]
    )
    def test_refused(
        self, fresh_db: SQLAlchemy, invoke: Invoke, name: str, description: str
    ) -> None:
        options = ("--name", name, "--description", description)
        refused = invoke(add_asset_type, *options, exit_code=1)
        assert "Please correct the following errors:" in refused.stderr
        assert count(fresh_db, GenericAssetType) == 0


class TestAsset:
    def test_added(self, toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        place = ("--latitude", "52.374", "--longitude", "-4.88969")
        told = invoke(add_asset, *words(ASSET, attributes='{"x": 1}'), *place).stdout
        assert told == "Successfully created asset with ID 4.\nYou can now assign sensors to it.\n"
        asset = last(fresh_db, GenericAsset)
        assert (asset.name, asset.account_id, asset.generic_asset_type_id) == ("oven", 1, 6)
        assert asset.location == (52.374, -4.88969)
        assert asset.attributes == {"x": 1}

    def test_public(self, toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        invoke(add_asset, *words(ASSET, account_id=None), "--public")
        assert last(fresh_db, GenericAsset).account_id is None
        refused = invoke(add_asset, *words(ASSET, account_id=None), "--public", exit_code=1)
        assert "An asset with the name oven already exists among the public assets." in (
            refused.stderr
        )

    def test_name_of_another_account(
        self, toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke
    ) -> None:
        create_account("Bakery")
        fresh_db.session.commit()
        invoke(add_asset, *words(ASSET, name="toy-battery", account_id="2"))
        assert last(fresh_db, GenericAsset).account_id == 2

    def test_part_of_another(self, toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        invoke(add_asset, *words(ASSET, account_id=None, parent_asset_id="1"))
        asset = last(fresh_db, GenericAsset)
        assert (asset.parent_asset_id, asset.account_id) == (1, 1)

    @pytest.mark.parametrize(
        ("changes", "exit_code", "says"),
        [
            ({"name": "toy-battery"}, 1, "An asset with the name toy-battery already exists in"),
            ({"account_id": "77"}, 1, "Account with Id 77 doesn't exist."),
            ({"asset_type_id": "77"}, 1, "GenericAssetType with id 77 doesn't exist."),
            ({"parent_asset_id": "77"}, 1, "No asset found with id 77."),
            ({"parent_asset_id": "2"}, 1, "The parent should belong to the same account."),
            ({"account_id": None}, 2, "Missing option '--account-id'"),
            ({"latitude": "91"}, 2, "Latitude 91.0 exceeds the maximum latitude of 90 degrees."),
            ({"latitude": "-91"}, 2, "Latitude -91.0 exceeds the minimum latitude of -90 degrees."),
            ({"longitude": "181"}, 2, "exceeds the maximum longitude of 180 degrees."),
            ({"longitude": "1.12345678"}, 2, "are limited to 7 decimal places."),
            ({"attributes": "x"}, 1, "Error decoding --attributes."),
            ({"attributes": "[]"}, 1, "Attributes should be a dict."),
            ({"attributes": '{"sensors_to_show": [99]}'}, 1, "99"),
            ({"name": " "}, 1, "'name'"),
        ],
    )
    def test_refused(
        self,
        toy: ToyAccount,
        fresh_db: SQLAlchemy,
        invoke: Invoke,
        changes: dict[str, str | None],
        exit_code: int,
        says: str,
    ) -> None:
        assert says in invoke(add_asset, *words(ASSET, **changes), exit_code=exit_code).stderr
        assert count(fresh_db, GenericAsset) == 3

    def test_public_and_owned(self, toy: ToyAccount, invoke: Invoke) -> None:
        refused = invoke(add_asset, *words(ASSET), "--public", exit_code=2)
        assert "pass --public or --account-id" in refused.stderr
