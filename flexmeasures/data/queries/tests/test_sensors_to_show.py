from __future__ import annotations

import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.auth import acl
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.models.user import Account
from flexmeasures.data.queries.sensors_to_show import rows_to_show


@pytest.fixture
def assets(db: SQLAlchemy) -> Iterator[dict[str, GenericAsset]]:
    """Of two accounts and of the public: each with sensors 1, 2 and 3 (by name)."""
    kind = GenericAssetType(name="battery")
    accounts = {"bakery": Account(name="bakery"), "mill": Account(name="mill"), "public": None}
    assets = {}
    for name, account in accounts.items():
        assets[name] = GenericAsset(name=name, generic_asset_type=kind, owner=account)
        db.session.add(assets[name])
        for number in "123":
            db.session.add(Sensor(number, assets[name]))
            db.session.flush()
    yield assets
    db.session.rollback()


def shown(asset: GenericAsset) -> list[Any]:
    return [
        [sensor.name for sensor in entry] if isinstance(entry, list) else entry.name
        for entry in asset.sensors_to_show
    ]


def test_by_default_the_first_two(assets: dict[str, GenericAsset]) -> None:
    assert shown(assets["bakery"]) == ["1", "2"]
    assets["bakery"].attributes["sensors_to_show"] = []
    assert shown(assets["bakery"]) == []


def test_all_ways_of_writing(assets: dict[str, GenericAsset]) -> None:
    bakery = assets["bakery"]
    one, two, three = (sensor.id for sensor in bakery.sensors)
    bakery.attributes["sensors_to_show"] = [
        three,
        [two, one],
        [one],
        {"title": "A", "sensor": two},
        {"title": "B", "sensors": [one, three], "y-axis": "data"},
        {"plots": [{"sensor": one}, {"sensors": [two, one]}], "y-axis": [0, 4]},
        {"sensor": one, "y-axis": {"min": -1, "max": 1.5}},
        assets["public"].sensors[0].id,
    ]
    assert shown(bakery) == ["3", ["2", "1"], ["1"], "2", ["1", "3"], ["1", "2"], "1", "1"]
    rows = rows_to_show(bakery)
    assert [row.title for row in rows[3:6]] == ["A", "B", None]
    assert [row.y_axis for row in rows[3:7]] == ["zero", "data", (0, 4), (-1, 1.5)]


def test_what_cannot_be_shown_is_left_out(
    assets: dict[str, GenericAsset], caplog: pytest.LogCaptureFixture
) -> None:
    bakery = assets["bakery"]
    own, foreign = bakery.sensors[0].id, assets["mill"].sensors[0].id
    strange = [True, None, "1", 1.0, -1, 2**40, [[own]], {}, {"sensor": [own]}, {"sensors": own}]
    bakery.attributes["sensors_to_show"] = [
        *(foreign, 999_999, [foreign, own], [foreign]),
        *strange,
        {"plots": [None, {"asset": 1, "flex-context": "x"}]},
        {"title": ["x"], "sensor": own, "y-axis": [2, 1]},
    ]
    with caplog.at_level(logging.WARNING):
        assert shown(bakery) == [["1"], "1"]
    assert "not all of [" in caplog.text
    [_, last] = rows_to_show(bakery)
    assert (last.title, last.y_axis) == (None, "zero")


@pytest.mark.parametrize("stored", [None, 3, "x", {"sensor": 1}])
def test_no_list(assets: dict[str, GenericAsset], stored: Any) -> None:
    assets["bakery"].attributes["sensors_to_show"] = stored
    assert shown(assets["bakery"]) == []


def test_only_what_the_caller_may_read(
    assets: dict[str, GenericAsset], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a plugin shows an asset to people who may not read all of it."""
    bakery = assets["bakery"]
    ids = [bakery.sensors[0].id, assets["public"].sensors[1].id]
    bakery.attributes["sensors_to_show"] = ids

    def as_member_of(account: Account | None) -> list[Any]:
        caller = SimpleNamespace(
            id=1, account=account, is_authenticated=True, has_role=lambda role: False
        )
        monkeypatch.setattr(acl, "_find_viewer", lambda: caller)
        return shown(bakery)

    assert as_member_of(bakery.owner) == ["1", "2"]
    assert as_member_of(assets["mill"].owner) == ["2"]


def test_time_range(assets: dict[str, GenericAsset]) -> None:
    bakery = assets["bakery"]
    bakery.attributes["sensors_to_show"] = []
    range_ = bakery.timerange_of_sensors_to_show
    assert range_["start"] == range_["end"]
