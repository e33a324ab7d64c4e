"""Finding or making sources, users, the toy account and whatever else plugins ask for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

import pytest
from flask import Flask
from flask_security.utils import verify_password
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import func, select

from flexmeasures import Account, Asset, AssetType, Sensor, Source, User
from flexmeasures.data.services.data_sources import get_or_create_source, get_source_or_none
from flexmeasures.data.services.toy_account import add_toy_assets, create_toy_user
from flexmeasures.data.services.users import InvalidFlexMeasuresUser, create_user
from flexmeasures.data.services.utils import get_or_create_model
from flexmeasures.utils.timely import tb

ANN = {"email": "ann@orchard.example", "password": "apples-and-pears", "account_name": "Orchard"}


def count(db: SQLAlchemy, model: type) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_a_source_that_two_make_at_once(app: Flask, fresh_db: SQLAlchemy) -> None:
    def make_as_another() -> int:
        with app.app_context():
            made = get_or_create_source("Seita", source_type="forecaster").id
            fresh_db.session.commit()
            return made

    first = get_or_create_source("Seita", source_type="forecaster").id
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(make_as_another)
        wait([second], timeout=0.3)
        fresh_db.session.commit()
        assert second.result(timeout=10) == first


def test_sources_are_found_again(fresh_db: SQLAlchemy) -> None:
    plain = get_or_create_source("Seita", source_type="forecaster")
    assert get_or_create_source("Seita", source_type="forecaster") is plain
    model = get_or_create_source("Seita", source_type="forecaster", model="naive", version="1")
    assert model is not plain
    # Asking for less finds the source that says no more.
    assert get_or_create_source("Seita", source_type="forecaster") is plain
    assert get_or_create_source("Seita", source_type="forecaster", model="naive") is model
    assert get_or_create_source("Seita", source_type="scheduler") is not plain
    assert get_source_or_none(plain.id) is plain
    assert get_source_or_none(plain.id, source_type="scheduler") is None
    with pytest.raises(TypeError, match="source type"):
        get_or_create_source("Nobody")
    with pytest.raises(TypeError, match="User or str"):
        get_or_create_source(7)  # type: ignore[arg-type]


def test_user_comes_with_account_role_and_source(fresh_db: SQLAlchemy) -> None:
    user = create_user(**ANN, user_roles=["account-admin"], check_email_deliverability=False)
    assert user.username == "ann"
    assert user.account.name == "Orchard"
    assert user.password is not None and user.password.startswith("$2b$")
    assert verify_password("apples-and-pears", user.password)
    assert user.has_role("account-admin")
    source = fresh_db.session.scalars(select(Source).filter_by(user=user)).one()
    assert (source.name, source.type) == ("ann", "user")
    second = create_user(
        **ANN | {"email": "bob@orchard.example"},
        user_roles="account-admin",
        check_email_deliverability=False,
    )
    assert second.account is user.account
    assert second.flexmeasures_roles == user.flexmeasures_roles


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"email": "bob@orchard.example", "password": ""}, "No password provided."),
        ({"email": ""}, "No email address provided."),
        ({"email": "ann"}, "ann is not a valid email address"),
        ({"email": "bob@orchard.example", "account_name": None}, "account"),
        ({"username": "bob"}, "User with email ann@orchard.example already exists."),
        (
            {"email": "ann@elsewhere.example"},
            "User with username ann already exists.",
        ),
    ],
)
def test_users_that_cannot_be(fresh_db: SQLAlchemy, changes: dict[str, str], says: str) -> None:
    create_user(**ANN, check_email_deliverability=False)
    with pytest.raises(InvalidFlexMeasuresUser, match=says):
        create_user(**ANN | changes, check_email_deliverability=False)
    assert count(fresh_db, User) == 1


def test_any_model_is_found_again(fresh_db: SQLAlchemy, capsys: pytest.CaptureFixture[str]) -> None:
    asset = Asset(name="market", generic_asset_type=AssetType(name="zone"))
    fresh_db.session.add(asset)
    one_day_ahead = tb.sensors.func_store.knowledge_horizons.x_days_ago_at_y_oclock
    price = {
        "name": "price",
        "generic_asset": asset,
        "unit": "EUR/MWh",
        "event_resolution": timedelta(hours=1),
        "attributes": {"b": 1, "a": [1, 2]},
        "knowledge_horizon": (one_day_ahead, {"x": 1, "y": 12, "z": "Europe/Paris"}),
    }
    sensor = get_or_create_model(Sensor, **price)
    assert "Created <Sensor 1: price" in capsys.readouterr().out
    reordered = price | {"attributes": {"a": [1, 2], "b": 1}}
    assert get_or_create_model(Sensor, **reordered) is sensor
    assert capsys.readouterr().out == ""
    assert get_or_create_model(Sensor, **price | {"name": "other"}) is not sensor


def test_toy_account_twice_is_one(fresh_db: SQLAlchemy) -> None:
    """Also after somebody (or a schedule) changed what the battery is like."""
    account = create_toy_user("Toy Account").account
    first = add_toy_assets(account)
    first.battery.generic_asset.attributes["soc_in_mwh"] = 0.1
    fresh_db.session.flush()
    assert add_toy_assets(account) == first
    assert (count(fresh_db, Account), count(fresh_db, Asset), count(fresh_db, Sensor)) == (1, 3, 3)
    assert first.prices.generic_asset.owner is None
    assert first.prices.knowledge_horizon_par == {"x": 1, "y": 12, "z": "Europe/Paris"}
