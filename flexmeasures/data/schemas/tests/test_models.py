"""Fields and schemas of what is stored: looking up, checking, writing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner
from flask_sqlalchemy import SQLAlchemy
from marshmallow import Schema, ValidationError
from sqlalchemy import event

from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.models.user import Account, AccountRole
from flexmeasures.data.schemas.account import AccountIdField, AccountSchema
from flexmeasures.data.schemas.generic_assets import (
    AssetSchema,
    GenericAssetIdField,
    GenericAssetSchema,
    GenericAssetTypeSchema,
)
from flexmeasures.data.schemas.ids import ModelIdField
from flexmeasures.data.schemas.sensors import SensorIdField, SensorSchema
from flexmeasures.data.schemas.sensors_to_show import without_sensors
from flexmeasures.data.schemas.sources import DataSourceIdField


@pytest.fixture(scope="module")
def world(db: SQLAlchemy) -> SimpleNamespace:
    """Two accounts with an asset of the same name, one of them with a sensor, and a source."""
    orchard = Account(name="Orchard", account_roles=[AccountRole(name="Prosumer")])
    bakery = Account(name="Bakery")
    battery = GenericAssetType(name="battery", description="stationary battery")
    store = GenericAsset(
        name="store",
        generic_asset_type=battery,
        owner=orchard,
        latitude=52.374,
        attributes={"capacity_in_mw": 0.5},
    )
    sensor = Sensor("power", store, unit="MW", event_resolution=timedelta(minutes=15))
    source = DataSource("Seita", type="forecaster")
    bare = GenericAsset(name="kiln", generic_asset_type=battery, owner=bakery)
    db.session.add_all([orchard, bakery, sensor, source, bare])
    db.session.commit()
    return SimpleNamespace(
        orchard=orchard.id,
        bakery=bakery.id,
        type=battery.id,
        asset=store.id,
        sensor=sensor.id,
        source=source.id,
    )


@contextmanager
def counting_statements(db: SQLAlchemy) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *args: Any) -> None:
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield statements
    event.remove(db.engine, "before_cursor_execute", note)


def errors(schema: Schema, data: dict[str, Any]) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        schema.load(data)
    messages: dict[str, list[str]] = caught.value.normalized_messages()
    return messages


# --- Ids ---


def test_a_sensor_comes_with_its_asset_and_type_in_one_statement(
    db: SQLAlchemy, world: SimpleNamespace
) -> None:
    db.session.expunge_all()
    with counting_statements(db) as statements:
        sensor = SensorIdField().deserialize(world.sensor)
        assert sensor.generic_asset.generic_asset_type.name == "battery"
    assert len(statements) == 1
    assert sensor in db.session
    assert sensor.generic_asset.owner.name == "Orchard"  # and more can be loaded


@pytest.mark.parametrize(
    ("field", "kind", "look", "text"),
    [
        (GenericAssetIdField(), "asset", lambda asset: asset.generic_asset_type.name, "battery"),
        (AccountIdField(), "orchard", lambda account: account.account_roles[0].name, "Prosumer"),
        (DataSourceIdField(), "source", lambda source: source.name, "Seita"),
    ],
)
def test_objects_come_in_one_statement(
    db: SQLAlchemy, world: SimpleNamespace, field: ModelIdField, kind: str, look: Any, text: str
) -> None:
    db.session.expunge_all()
    with counting_statements(db) as statements:
        assert look(field.deserialize(str(getattr(world, kind)))) == text
    assert len(statements) == 1


def test_objects_leave_as_ids(db: SQLAlchemy, world: SimpleNamespace) -> None:
    sensor = SensorIdField().deserialize(world.sensor)
    assert SensorIdField().serialize("sensor", {"sensor": sensor}) == world.sensor


@pytest.mark.parametrize("id_", [999, 0, -1, 2**31, 10**30])
@pytest.mark.parametrize(
    ("field", "noun"),
    [
        (SensorIdField(), "sensor"),
        (GenericAssetIdField(), "asset"),
        (AccountIdField(), "account"),
        (DataSourceIdField(), "data source"),
    ],
)
def test_unknown_ids(world: SimpleNamespace, field: ModelIdField, noun: str, id_: int) -> None:
    with pytest.raises(ValidationError) as caught:
        field.deserialize(id_)
    assert caught.value.messages == [f"No {noun} found with id {id_}."]


@pytest.mark.parametrize("value", ["one", "1.5", 1.5, True, [1], "", "9" * 5000])
def test_what_is_no_id(world: SimpleNamespace, value: object) -> None:
    with pytest.raises(ValidationError, match="Not a valid integer"):
        SensorIdField().deserialize(value)


def test_ids_on_the_command_line(world: SimpleNamespace) -> None:
    @click.command()
    @click.option("--sensor-id", "sensor", type=SensorIdField(), required=True)
    def show(sensor: Sensor) -> None:
        click.echo(sensor.name)

    assert CliRunner().invoke(show, ["--sensor-id", str(world.sensor)]).output == "power\n"
    result = CliRunner().invoke(show, ["--sensor-id", "999"])
    assert result.exit_code == 2
    assert "Invalid value for '--sensor-id': No sensor found with id 999." in result.stderr
    assert "--sensor-id SensorIdField" in CliRunner().invoke(show, ["--help"]).output


# --- Sensors ---


def sensor_data(**changes: Any) -> dict[str, Any]:
    data = {"name": "temperature", "unit": "°C", "timezone": "UTC", "event_resolution": 15}
    return data | changes


def test_a_good_sensor(world: SimpleNamespace) -> None:
    loaded = SensorSchema().load(sensor_data(generic_asset_id=world.asset))
    assert loaded["event_resolution"] == timedelta(minutes=15)


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        ({"unit": "beans"}, {"unit": ["Unit 'beans' cannot be handled."]}),
        ({"unit": ""}, {"unit": ["Unit '' cannot be handled."]}),
        (
            {"generic_asset_id": 999},
            {"generic_asset_id": ["Generic asset with id 999 doesn't exist."]},
        ),
        (
            {"generic_asset_id": 10**30},
            {"generic_asset_id": [f"Generic asset with id {10**30} doesn't exist."]},
        ),
        (
            {"timezone": "Europe/Amsterdm"},
            {
                "timezone": [
                    "Timezone Europe/Amsterdm doesn't exist. Did you mean Europe/Amsterdam?"
                ]
            },
        ),
        (
            {"name": ""},
            {"name": ["Length must be between 1 and 120.", "Cannot be blank."]},
        ),
        ({"event_resolution": "quarter"}, {"event_resolution": [pytest.approx]}),
    ],
)
def test_why_a_sensor_is_refused(
    world: SimpleNamespace, changes: dict[str, Any], messages: dict[str, list[str]]
) -> None:
    found = errors(SensorSchema(), sensor_data(generic_asset_id=world.asset) | changes)
    if "event_resolution" in messages:
        assert found["event_resolution"][0].startswith("Cannot parse quarter as ISO8601 duration")
    else:
        assert found == messages


def test_all_that_is_missing_is_told_at_once(world: SimpleNamespace) -> None:
    required = {"name", "unit", "timezone", "event_resolution", "generic_asset_id"}
    assert set(errors(SensorSchema(), {})) == required


def test_a_listed_sensor(db: SQLAlchemy, world: SimpleNamespace) -> None:
    listed = SensorSchema().dump(db.session.get(Sensor, world.sensor))
    assert listed.pop("entity_address").endswith(f":fm1.{world.sensor}")
    assert listed == {
        "id": world.sensor,
        "attributes": "{}",
        "name": "power",
        "unit": "MW",
        "timezone": "UTC",
        "event_resolution": 15,
        "generic_asset_id": world.asset,
    }


# --- Assets ---


def asset_data(world: SimpleNamespace, **changes: Any) -> dict[str, Any]:
    return {
        "name": "oven",
        "generic_asset_type_id": world.type,
        "account_id": world.bakery,
    } | changes


@pytest.mark.parametrize("attributes", ['{"capacity_in_mw": 0.5}', {"capacity_in_mw": 0.5}])
def test_a_good_asset(world: SimpleNamespace, attributes: object) -> None:
    data = asset_data(world, latitude=52.374, longitude=None, attributes=attributes)
    assert GenericAssetSchema().load(data)["attributes"] == {"capacity_in_mw": 0.5}


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        (
            {"generic_asset_type_id": 99},
            {"generic_asset_type_id": ["GenericAssetType with id 99 doesn't exist."]},
        ),
        ({"account_id": 99}, {"account_id": ["Account with Id 99 doesn't exist."]}),
        ({"account_id": None}, {"account_id": ["Field may not be null."]}),
        (
            {"latitude": 91},
            {"latitude": ["Latitude 91.0 exceeds the maximum latitude of 90 degrees."]},
        ),
        ({"id": 1}, {"id": ["Unknown field."]}),
        ({"attributes": "{"}, {"attributes": ["Not a valid JSON string."]}),
        ({"attributes": '{"x": NaN}'}, {"attributes": ["Not a valid JSON string."]}),
        ({"attributes": {"x": float("inf")}}, {"attributes": ["Not a valid JSON string."]}),
        ({"attributes": 100_000 * "["}, {"attributes": ["Not a valid JSON string."]}),
        ({"attributes": '{"x": 1e999}'}, {"attributes": ["Not a valid JSON string."]}),
        (
            {"attributes": '{"x": "a\\u0000b"}'},
            {"attributes": ["Cannot have NUL characters or halves of surrogate pairs."]},
        ),
        (
            {"attributes": {"\ud800": 1}},
            {"attributes": ["Cannot have NUL characters or halves of surrogate pairs."]},
        ),
        (
            {"attributes": 200 * '{"x":' + "1" + 200 * "}"},
            {"attributes": ["JSON can be nested 100 levels at most."]},
        ),
        (
            {"attributes": {"x": 1_000_000 * "a"}},
            {"attributes": ["JSON can have 1000000 characters at most."]},
        ),
        ({"name": " "}, {"name": ["Cannot be blank."]}),
        ({"name": "a\nb"}, {"name": ["Cannot have control characters."]}),
        ({"name": 81 * "a"}, {"name": ["Longer than maximum length 80."]}),
        (
            {"description": "a\0"},
            {"description": ["Cannot have NUL characters or halves of surrogate pairs."]},
        ),
        ({"external_id": 256 * "a"}, {"external_id": ["Longer than maximum length 255."]}),
        ({"parent_asset_id": 1.5}, {"parent_asset_id": ["Not a valid integer."]}),
        ({"account_id": True}, {"account_id": ["Not a valid integer."]}),
        ({"attributes": "[1]"}, {"attributes": ["Attributes should be a dict."]}),
        (
            {"attributes": {"sensors_to_show": 1}},
            {"attributes": ["sensors_to_show should be a list."]},
        ),
        (
            {"attributes": {"sensors_to_show": [[[1]]]}},
            {
                "attributes": [
                    "sensors_to_show should only contain sensor IDs (integers) or lists thereof."
                ]
            },
        ),
        (
            {"attributes": {"sensors_to_show": [[1], True]}},
            {
                "attributes": [
                    "sensors_to_show should only contain sensor IDs (integers) or lists thereof."
                ]
            },
        ),
        (
            {"attributes": {"sensors_to_show": [0]}},
            {"attributes": ["No sensor found with id 0."]},
        ),
    ],
)
def test_why_an_asset_is_refused(
    world: SimpleNamespace, changes: dict[str, Any], messages: dict[str, list[str]]
) -> None:
    assert errors(GenericAssetSchema(), asset_data(world) | changes) == messages


def test_sensors_to_show(world: SimpleNamespace) -> None:
    shown = {"sensors_to_show": [world.sensor, [world.sensor]]}
    assert GenericAssetSchema().load(asset_data(world, attributes=shown))["attributes"] == shown


def test_sensors_to_show_in_all_forms(world: SimpleNamespace) -> None:
    id_ = world.sensor
    shown = [
        {"sensor": id_},
        {"title": "Power", "sensors": [id_, id_], "y-axis": "data"},
        {"title": None, "plots": [{"sensor": id_}, {"sensors": [id_]}], "y-axis": [-1, 1.5]},
        {"sensor": id_, "y-axis": {"min": 0, "max": 1}},
        id_,
        [id_],
    ]
    for sent in (shown, json.dumps(shown)):
        loaded = GenericAssetSchema().load(asset_data(world, sensors_to_show=sent))
        assert loaded["sensors_to_show"] == shown
    loaded = GenericAssetSchema().load(asset_data(world, attributes={"sensors_to_show": shown}))
    assert loaded["attributes"] == {"sensors_to_show": shown}


@pytest.mark.parametrize(
    ("shown", "message"),
    [
        ({}, "should be a list"),
        ("3", "should be a list"),
        ("[", "Not a valid JSON string."),
        (["3"], "should only contain sensor IDs (integers) or lists thereof."),
        ([1.0], "should only contain sensor IDs (integers) or lists thereof."),
        ([None], "should only contain sensor IDs (integers) or lists thereof."),
        ([99], "No sensor found with id 99."),
        ([2**80], f"No sensor found with id {2**80}."),
        ([{"sensor": 99}], "No sensor found with id 99."),
        ([{"sensors": [99]}], "No sensor found with id 99."),
        ([{"plots": [{"sensors": [99]}]}], "No sensor found with id 99."),
        ([{}], "entries should have one of"),
        ([{"sensor": 1, "sensors": [1]}], "entries should have one of"),
        ([{"sensor": True}], "'sensor' should be a sensor ID (integer)."),
        ([{"sensors": []}], "'sensors' should be a list that is not empty."),
        ([{"sensors": [[1]]}], "'sensors' should be sensor IDs (integers)."),
        ([{"plots": [1]}], "plots should be objects"),
        ([{"plots": [{"asset": 1, "flex-model": "soc-max"}]}], "are not supported"),
        ([{"plots": [{"sensor": 1, "color": "red"}]}], "the key 'color' is not known."),
        ([{"sensor": 1, "colour": "red"}], "the key 'colour' is not known."),
        ([{"sensor": 1, "title": 3}], "a title should be a text."),
        ([{"sensor": 1, "title": "a\0b"}], "NUL characters"),
        ([{"sensor": 1, "y-axis": "log"}], "'y-axis' should be"),
        ([{"sensor": 1, "y-axis": [1, 0]}], "'y-axis' should be"),
        ([{"sensor": 1, "y-axis": [True, 3]}], "'y-axis' should be"),
        ([{"sensor": 1, "y-axis": {"min": 0}}], "'y-axis' should be"),
    ],
)
def test_why_sensors_are_not_shown(world: SimpleNamespace, shown: object, message: str) -> None:
    (told,) = errors(GenericAssetSchema(), asset_data(world, sensors_to_show=shown)).values()
    assert message in told[0]


def test_sensors_that_are_gone_are_not_shown() -> None:
    shown = [1, [1, 2], [1], {"sensor": 1}, {"plots": [{"sensor": 1}, {"sensors": [1, 3]}]}, "?"]
    assert without_sensors(shown, {1}) == [[2], {"plots": [{"sensors": [3]}]}, "?"]
    assert without_sensors([1, {"title": "one", "sensors": [1]}], {1}) == []


def test_part_of_an_asset(world: SimpleNamespace) -> None:
    schema = GenericAssetSchema(partial=True, only=["name", "latitude"])
    assert schema.load({"name": "store"}) == {"name": "store"}


def test_a_written_asset(db: SQLAlchemy, world: SimpleNamespace) -> None:
    written = AssetSchema().dump(db.session.get(GenericAsset, world.asset))
    assert json.loads(written.pop("attributes")) == {"capacity_in_mw": 0.5}
    for name, content in (("sensors_to_show", []), ("flex_model", {}), ("flex_context", {})):
        assert json.loads(written.pop(name)) == content
    assert written == {
        "id": world.asset,
        "name": "store",
        "account_id": world.orchard,
        "latitude": 52.374,
        "longitude": None,
        "generic_asset_type_id": world.type,
        "description": None,
        "external_id": None,
        "parent_asset_id": None,
        "owner": {"id": world.orchard, "name": "Orchard"},
        "generic_asset_type": {"id": world.type, "name": "battery"},
        "child_assets": [],
        "sensors": [{"id": world.sensor, "name": "power"}],
    }
    assert GenericAssetTypeSchema().dump(db.session.get(GenericAssetType, world.type)) == {
        "id": world.type,
        "name": "battery",
        "description": "stationary battery",
    }


# --- Accounts ---


def test_a_written_account(db: SQLAlchemy, world: SimpleNamespace) -> None:
    account = db.session.get(Account, world.orchard)
    assert account is not None
    assert AccountSchema().dump(account) == {
        "id": world.orchard,
        "name": "Orchard",
        "account_roles": [{"id": account.account_roles[0].id, "name": "Prosumer"}],
    }
