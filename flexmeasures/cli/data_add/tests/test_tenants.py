"""`flexmeasures add` account, account-role, user-role, user and initial-structure."""

from __future__ import annotations

import getpass
from io import StringIO
from types import SimpleNamespace

import pytest
from flask import Flask
from flask_security import verify_password
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import select

from flexmeasures.cli.conftest import Invoke
from flexmeasures.cli.data_add import (
    add_initial_structure,
    new_account,
    new_account_role,
    new_user,
    new_user_role,
)
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.user import Account, AccountRole, Role, User
from flexmeasures.data.services.users import create_user, find_user_by_email

PASSWORD = "battery-horse"
TWICE = f"{PASSWORD}\n{PASSWORD}\n"
ANN = ("--username", "ann", "--email", "ann@example.com", "--account-id", "1")


@pytest.fixture
def account(fresh_db: SQLAlchemy) -> Account:
    account = Account(name="Bakery")
    fresh_db.session.add(account)
    fresh_db.session.commit()
    return account


class TestAccountRole:
    def test_added(self, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        done = invoke(new_account_role, "--name", "Baker", "--description", "Bakes bread")
        assert "Account role 'Baker' (ID: 1) successfully created." in done.stdout
        fresh_db.session.rollback()
        assert fresh_db.session.get_one(AccountRole, 1).description == "Bakes bread"

    def test_twice(self, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        invoke(new_account_role, "--name", "Baker")
        refused = invoke(new_account_role, "--name", "Baker", exit_code=1)
        assert "Account role 'Baker' already exists." in refused.stderr

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (("--name", "b" * 81), "can have 80 characters at most. This has 81"),
            (("--name", "  "), "The name of an account role cannot be empty."),
            (("--name", "Baker\n"), "cannot have control characters"),
            (("--name", "Baker", "--description", "d" * 256), "255 characters at most"),
        ],
    )
    def test_texts_that_cannot_be_stored(
        self, fresh_db: SQLAlchemy, invoke: Invoke, words: tuple[str, ...], says: str
    ) -> None:
        assert says in invoke(new_account_role, *words, exit_code=1).stderr
        assert fresh_db.session.scalars(select(AccountRole)).all() == []


class TestUserRole:
    def test_added(self, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        done = invoke(new_user_role, "--name", "waitress", "--description", "Serves")
        assert "User role 'waitress' (ID: 1) successfully created." in done.stdout
        fresh_db.session.rollback()
        assert fresh_db.session.get_one(Role, 1).description == "Serves"

    def test_twice(self, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        invoke(new_user_role, "--name", "waitress")
        refused = invoke(new_user_role, "--name", "waitress", exit_code=1)
        assert "User role 'waitress' already exists." in refused.stderr


class TestAccount:
    def test_added_with_roles(self, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        invoke(new_account_role, "--name", "Baker")
        done = invoke(new_account, "--name", "Bakery", "--roles", "Prosumer, Baker,Baker")
        assert "Account 'Bakery' (ID: 1) successfully created." in done.stdout
        assert done.stderr == "Adding account role Prosumer ...\n"
        fresh_db.session.rollback()
        roles = fresh_db.session.get_one(Account, 1).account_roles
        assert {role.name: role.description for role in roles} == {
            "Baker": None,
            "Prosumer": "A consumer who might also produce",
        }

    def test_twice(self, account: Account, invoke: Invoke) -> None:
        refused = invoke(new_account, "--name", "Bakery", exit_code=1)
        assert "Account 'Bakery' already exists." in refused.stderr

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (("--name", "b" * 101), "The name of an account can have 100 characters at most."),
            (("--name", ""), "The name of an account cannot be empty."),
            (("--name", "Bakery", "--roles", "r" * 81), "The name of an account role can have 80"),
        ],
    )
    def test_texts_that_cannot_be_stored(
        self, fresh_db: SQLAlchemy, invoke: Invoke, words: tuple[str, ...], says: str
    ) -> None:
        assert says in invoke(new_account, *words, exit_code=1).stderr
        fresh_db.session.rollback()
        assert fresh_db.session.scalars(select(Account)).all() == []


class TestUser:
    def test_added(self, account: Account, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        words = ("--roles", "admin,night-shift", "--timezone", "Asia/Seoul")
        done = invoke(new_user, *ANN, *words, input=TWICE)
        assert done.stdout == "Successfully created user <User ann (ID:1)>\n"
        assert done.stderr == "Adding role admin ...\nAdding role night-shift ...\n"
        fresh_db.session.rollback()
        ann = fresh_db.session.get_one(User, 1)
        assert (ann.account_id, ann.active, ann.timezone) == (account.id, True, "Asia/Seoul")
        assert verify_password(PASSWORD, str(ann.password))
        assert {role.name: role.description for role in ann.roles} == {
            "admin": "Super user",
            "night-shift": None,
        }
        source = fresh_db.session.scalars(select(DataSource)).one()
        assert (source.name, source.type, source.user) == ("ann", "user", ann)

    def test_timezone_of_the_server(
        self, account: Account, app: Flask, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(app.config, "FLEXMEASURES_TIMEZONE", "Europe/Lisbon")
        done = invoke(new_user, *ANN, input=TWICE)
        assert (
            "Setting user timezone to Europe/Lisbon "
            "(taken from FLEXMEASURES_TIMEZONE config setting)..." in done.stderr
        )
        user = find_user_by_email("ann@example.com")
        assert user is not None and user.timezone == "Europe/Lisbon"

    @pytest.mark.parametrize(
        ("words", "typed", "says"),
        [
            (("--timezone", "Mars/Olympus"), TWICE, "Timezone Mars/Olympus is unknown!"),
            (("--account-id", "7"), TWICE, "No account with ID 7 found!"),
            (("--account-id", "99999999999"), TWICE, "No account with ID 99999999999 found!"),
            ((), f"{PASSWORD}\nbattery-hose\n", "Passwords do not match!"),
            ((), "\n\n", "No password provided."),
            ((), "", "No password provided."),
            ((), "short\nshort\n", "at least 8 characters"),
            (("--email", "ann"), TWICE, "ann is not a valid email address: "),
            (("--email", ""), TWICE, "No email address provided."),
            (
                ("--email", "BOB@Example.com"),
                TWICE,
                "User with email BOB@example.com already exists",
            ),
            (("--username", "bob"), TWICE, "User with username bob already exists."),
            (("--username", " "), TWICE, "The username cannot be empty."),
            (("--username", "a" * 121), TWICE, "The username can have 120 characters at most."),
            (("--roles", "r" * 81), TWICE, "The name of a role can have 80 characters at most."),
        ],
    )
    def test_refused(
        self,
        account: Account,
        fresh_db: SQLAlchemy,
        invoke: Invoke,
        words: tuple[str, ...],
        typed: str,
        says: str,
    ) -> None:
        create_user(
            email="bob@example.com",
            username="bob",
            password=PASSWORD,
            account_name=account.name,
            check_email_deliverability=False,
        )
        fresh_db.session.commit()
        refused = invoke(new_user, *ANN, *words, input=typed, exit_code=1)
        assert says in refused.stderr
        fresh_db.session.rollback()
        assert [user.username for user in fresh_db.session.scalars(select(User))] == ["bob"]
        assert fresh_db.session.scalars(select(Role)).all() == []

    def test_password_that_looks_different_where_it_is_typed(
        self, account: Account, fresh_db: SQLAlchemy, invoke: Invoke
    ) -> None:
        """Some keyboards write é as one character, others as e and an accent."""
        invoke(new_user, *ANN, input="caf\u00e9-battery\n" * 2)
        ann = fresh_db.session.scalars(select(User)).one()
        assert verify_password("cafe\u0301-battery", str(ann.password))


class TestInATerminal:
    """Questions about roles, and passwords that are not shown."""

    @pytest.fixture(autouse=True)
    def terminal_at_stdin(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        asked: list[str] = []

        def type_password(prompt: str) -> str:
            asked.append(prompt)
            return PASSWORD

        monkeypatch.setattr(getpass, "getpass", type_password)
        monkeypatch.setattr("flexmeasures.cli.roles.sys", SimpleNamespace(stdin=Terminal()))
        monkeypatch.setattr("flexmeasures.cli.data_add.user.sys", SimpleNamespace(stdin=Terminal()))
        return asked

    def test_passwords_are_asked_for_without_echo(
        self, account: Account, invoke: Invoke, terminal_at_stdin: list[str]
    ) -> None:
        invoke(new_user, *ANN, "--roles", "admin")
        assert terminal_at_stdin == ["Please enter the password:", "Please repeat the password:"]

    @pytest.mark.parametrize(("answer", "exit_code"), [("y", 0), ("n", 1)])
    def test_unknown_roles_are_offered_to_be_created(
        self,
        account: Account,
        fresh_db: SQLAlchemy,
        invoke: Invoke,
        answer: str,
        exit_code: int,
    ) -> None:
        done = invoke(new_user, *ANN, "--roles", "admn", input=answer, exit_code=exit_code)
        assert "There is no role 'admn' yet. Create it? [y/N]" in done.stderr
        fresh_db.session.rollback()
        roles = [role.name for role in fresh_db.session.scalars(select(Role))]
        assert roles == (["admn"] if answer == "y" else [])

    def test_known_roles_are_made_without_a_question(
        self, fresh_db: SQLAlchemy, invoke: Invoke
    ) -> None:
        done = invoke(new_account, "--name", "Bakery", "--roles", "Prosumer")
        assert done.stderr == "Adding account role Prosumer ...\n"


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


class TestInitialStructure:
    def test_contents(self, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        done = invoke(add_initial_structure).stdout.splitlines()
        assert done[0].startswith("Populating the database Engine(postgresql")
        assert done[0].endswith("with structural data ...")
        assert done[1:] == [
            "DB now has 3 DataSource(s)",
            "DB now has 6 AssetType(s)",
            "DB now has 2 Role(s) for users",
            "DB now has 5 AccountRole(s)",
        ]
        sources = fresh_db.session.scalars(select(DataSource).order_by(DataSource.id))
        assert [(source.name, source.type) for source in sources] == [
            ("Seita", "demo script"),
            ("Seita", "forecaster"),
            ("Seita", "scheduler"),
        ]
        roles = fresh_db.session.scalars(select(Role).order_by(Role.id))
        assert [(role.name, role.description) for role in roles] == [
            ("admin", "Super user"),
            ("admin-reader", "Can read everything"),
        ]

    def test_twice(self, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        first = invoke(add_initial_structure).stdout.splitlines()
        again = invoke(add_initial_structure).stdout.splitlines()
        assert "Source Seita (demo script) already exists." in again
        assert "Role admin already exists." in again
        assert "Account role Prosumer already exists." in again
        assert "Asset type one-way_evse already exists." in again
        assert again[-4:] == first[-4:]
