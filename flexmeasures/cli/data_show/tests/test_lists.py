"""`flexmeasures show` accounts, account, users, roles, asset-types and data-sources."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.cli.conftest import Invoke
from flexmeasures.cli.data_add import add_initial_structure, new_account_role
from flexmeasures.cli.data_show import (
    list_accounts,
    list_asset_types,
    list_data_sources,
    list_roles,
    list_users,
    show_account,
)
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.services.accounts import create_account
from flexmeasures.data.services.toy_account import ToyAccount
from flexmeasures.data.services.users import find_user_by_email


def cells(shown: str) -> list[list[str]]:
    """The rows of a table in "simple" style, split where two blanks stand."""
    lines = [line for line in shown.splitlines() if "  " in line.strip() and "--" not in line]
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]


def test_accounts(toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
    create_account("Bakery")
    fresh_db.session.commit()
    shown = invoke(list_accounts).stdout
    assert shown.startswith("All accounts on this FlexMeasures instance:\n")
    assert cells(shown) == [
        ["ID", "Name", "Assets"],
        ["2", "Bakery", "0"],
        ["1", "Toy Account", "2"],
    ]


def test_users(toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
    user = find_user_by_email("toy-user@flexmeasures.io")
    assert user is not None
    user.active = False
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    user.last_seen_at = now - timedelta(hours=3)
    fresh_db.session.commit()
    header, row = cells(invoke(list_users).stdout)
    assert dict(zip(header, row, strict=True)) == {
        "ID": "1",
        "Name": "toy-user",
        "Email": "toy-user@flexmeasures.io",
        "Account": "Toy Account",
        "Active": "no",
        "Last Login": "None",
        "Last Seen": "3 hours ago",
        "Roles": "account-admin",
    }


def test_empty_account(fresh_db: SQLAlchemy, invoke: Invoke) -> None:
    create_account("Bakery", ["Prosumer", "MDC"])
    fresh_db.session.commit()
    shown = invoke(show_account, "--id", "1").stdout
    assert shown.startswith(
        "======================\nAccount Bakery (ID: 1)\n======================\n"
    )
    assert "Account role(s): MDC,Prosumer" in shown
    assert "No users in account ..." in shown
    assert "No assets in account ..." in shown


@pytest.mark.parametrize("option", ["--id", "--account-id"])
def test_account_by_either_option(toy: ToyAccount, invoke: Invoke, option: str) -> None:
    assert "Account Toy Account (ID: 1)" in invoke(show_account, option, "1").output


def test_roles(fresh_db: SQLAlchemy, invoke: Invoke) -> None:
    invoke(add_initial_structure)
    accounts, users = invoke(list_roles).stdout.split("User roles:")
    assert accounts.startswith("Account roles:\n")
    assert [row[1] for row in cells(accounts)[1:]] == [
        "Aggregator",
        "ESCO",
        "MDC",
        "Prosumer",
        "Supplier",
    ]
    assert cells(users) == [
        ["ID", "Name", "Description"],
        ["1", "admin", "Super user"],
        ["2", "admin-reader", "Can read everything"],
    ]


def test_asset_types(fresh_db: SQLAlchemy, invoke: Invoke) -> None:
    invoke(add_initial_structure)
    rows = cells(invoke(list_asset_types).stdout)
    assert rows[0] == ["ID", "Name", "Description"]
    assert rows[1] == ["5", "battery", "stationary battery"]
    assert len(rows) == 7


def test_data_sources(toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
    source = DataSource(name="Seita", type="forecaster", model="naive", version="1.0")
    fresh_db.session.add(source)
    fresh_db.session.commit()
    assert cells(invoke(list_data_sources).stdout) == [
        ["ID", "Name", "Type", "User ID", "Model", "Version"],
        ["2", "Seita", "forecaster", "naive", "1.0"],
        ["1", "toy-user", "user", "1"],
    ]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (list_accounts, "No accounts created yet."),
        (list_users, "No users created yet."),
        (list_roles, "No account roles created yet."),
        (list_asset_types, "No asset types created yet."),
        (list_data_sources, "No data sources created yet."),
    ],
)
def test_nothing_there(fresh_db: SQLAlchemy, invoke: Invoke, command: Any, says: str) -> None:
    assert says in invoke(command, exit_code=1).stderr


def test_account_roles_only(fresh_db: SQLAlchemy, invoke: Invoke) -> None:
    invoke(new_account_role, "--name", "Baker")
    shown = invoke(list_roles, exit_code=1)
    assert "Baker" in shown.stdout
    assert "No user roles created yet, not even admin." in shown.stderr
