from __future__ import annotations

import pytest
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.cli.conftest import Invoke
from flexmeasures.cli.data_edit import edit_account
from flexmeasures.data.models.user import Account
from flexmeasures.data.services.accounts import create_account


@pytest.fixture
def bakery(fresh_db: SQLAlchemy) -> Account:
    create_account("Hotel")
    bakery = create_account("Bakery", ["Prosumer"])
    fresh_db.session.commit()
    return bakery


def test_name_and_roles(bakery: Account, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
    words = ("--name", "Old Bakery", "--add-roles", "MDC,Baker", "--remove-roles", "Prosumer")
    done = invoke(edit_account, "--id", "2", *words)
    assert done.stdout == (
        "Successfully edited account 'Old Bakery' (ID: 2). Its roles: Baker,MDC.\n"
    )
    assert done.stderr == "Adding account role MDC ...\nAdding account role Baker ...\n"
    fresh_db.session.rollback()
    assert bakery.name == "Old Bakery"
    assert {role.name for role in bakery.account_roles} == {"Baker", "MDC"}


def test_what_it_has_already_stays(bakery: Account, invoke: Invoke) -> None:
    done = invoke(edit_account, "--id", "2", "--name", "Bakery", "--add-roles", "Prosumer")
    assert done.stdout.endswith("Its roles: Prosumer.\n")


@pytest.mark.parametrize(
    ("words", "exit_code", "says"),
    [
        ((), 2, "Nothing to change"),
        (("--name", "Hotel"), 1, "Account 'Hotel' already exists."),
        (("--name", " "), 1, "The name of an account cannot be empty."),
        (("--remove-roles", "MDC"), 1, "Account 'Bakery' does not have role(s) MDC."),
        (("--id", "7"), 2, "No account found with id 7."),
    ],
)
def test_refused(
    bakery: Account,
    fresh_db: SQLAlchemy,
    invoke: Invoke,
    words: tuple[str, ...],
    exit_code: int,
    says: str,
) -> None:
    refused = invoke(edit_account, "--id", "2", *words, exit_code=exit_code)
    assert says in refused.stderr
    fresh_db.session.rollback()
    assert bakery.name == "Bakery"
    assert bakery.has_role("Prosumer")
