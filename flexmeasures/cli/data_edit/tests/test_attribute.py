"""`flexmeasures edit attribute`"""

from __future__ import annotations

from typing import Any

import pytest
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.cli.conftest import Invoke
from flexmeasures.cli.data_edit import edit_attribute, parse_attribute_value, single_true
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services.toy_account import ToyAccount


@pytest.mark.parametrize(
    ("options", "value"),
    [
        (("--float", "0.7"), 0.7),
        (("--int", "-3"), -3),
        (("--bool", "false"), False),
        (("--str", "false"), "false"),
        (("--str", ""), ""),
        (("--null",), None),
        (("--list", '[1, "a"]'), [1, "a"]),
        (("--list", "[]"), []),
        (("--dict", '{"a": null}'), {"a": None}),
    ],
)
def test_values(
    toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke, options: tuple[str, ...], value: Any
) -> None:
    owners = ("--asset-id", "1", "--asset-id", "2", "--sensor-id", "3")
    done = invoke(edit_attribute, *owners, "--attribute", "colour", *options)
    assert done.stdout == "Successfully edited/added attribute.\n"
    fresh_db.session.rollback()
    for owner in (
        fresh_db.session.get_one(GenericAsset, 1),
        fresh_db.session.get_one(GenericAsset, 2),
        fresh_db.session.get_one(Sensor, 3),
    ):
        stored = owner.attributes["colour"]
        assert stored == value and type(stored) is type(value)
    assert "colour" not in toy.battery.attributes


def test_others_stay(toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
    asset = toy.battery.generic_asset
    before = dict(asset.attributes)
    invoke(edit_attribute, "--asset-id", "1", "--attribute", "capacity_in_mw", "--float", "2")
    fresh_db.session.rollback()
    assert asset.attributes == before | {"capacity_in_mw": 2}
    assert [*asset.attributes] == [*before]


def test_what_charts_show(toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
    shown = ("--asset-id", "1", "--attribute", "sensors_to_show", "--list")
    invoke(edit_attribute, *shown, "[3, [1, 2]]")
    fresh_db.session.rollback()
    assert toy.battery.generic_asset.attributes["sensors_to_show"] == [3, [1, 2]]
    refused = invoke(edit_attribute, *shown, "[77]", exit_code=2)
    assert "sensors_to_show: " in refused.stderr and "77" in refused.stderr
    fresh_db.session.rollback()
    assert toy.battery.generic_asset.attributes["sensors_to_show"] == [3, [1, 2]]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--float", "much"), "'--float'"),
        (("--float", "nan"), "'--float': JSON knows finite numbers only."),
        (("--bool", "perhaps"), "'--bool'"),
        (("--list", '{"a": 1}'), "'--list': This is no list in JSON."),
        (("--dict", "null"), "'--dict': This is no dict in JSON."),
        (("--str", "\ud800"), "'--str': Cannot have"),
        (("--int", "1", "--asset-id", "77"), "'--asset-id': No asset found with id 77."),
        (("--int", "1", "--sensor-id", "0"), "'--sensor-id': No sensor found with id 0."),
    ],
)
def test_refused(toy: ToyAccount, invoke: Invoke, options: tuple[str, ...], says: str) -> None:
    words = ("--asset-id", "1", "--attribute", "colour", *options)
    assert says in invoke(edit_attribute, *words, exit_code=2).stderr
    assert "colour" not in toy.battery.generic_asset.attributes


def test_no_name(toy: ToyAccount, invoke: Invoke) -> None:
    words = ("--asset-id", "1", "--attribute", " ", "--int", "1")
    assert "An attribute has a name." in invoke(edit_attribute, *words, exit_code=2).stderr


def test_broken_json(toy: ToyAccount, invoke: Invoke) -> None:
    words = ("--asset-id", "1", "--attribute", "colour", "--list", "[1")
    refused = invoke(edit_attribute, *words, exit_code=1)
    assert "Error decoding --list. Please check your JSON: " in refused.stderr


def test_of_nothing(toy: ToyAccount, invoke: Invoke) -> None:
    missing = "Missing flag: pass at least one --asset-id or --sensor-id."
    with pytest.raises(ValueError, match=missing):
        invoke(edit_attribute, "--attribute", "colour", "--int", "1")


@pytest.mark.parametrize("options", [(), ("--int", "1", "--null"), ("--int", "1", "--str", "1")])
def test_not_one_value(toy: ToyAccount, invoke: Invoke, options: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"Cannot set multiple values simultaneously\."):
        invoke(edit_attribute, "--asset-id", "1", "--attribute", "colour", *options)


def test_helpers() -> None:
    assert parse_attribute_value(float_value=None, bool_value=False) is False
    assert parse_attribute_value(null_value=True, int_value=None) is None
    assert single_true([0, 1]) and not single_true([1, 1])
