"""`flexmeasures delete` account, account-role, user, user-role, asset and sensor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event, func, select

from flexmeasures.cli.conftest import Invoke
from flexmeasures.cli.data_delete import (
    delete_a_user,
    delete_account,
    delete_account_role,
    delete_asset_and_data,
    delete_sensor,
    delete_user_role,
)
from flexmeasures.data.config import Model
from flexmeasures.data.models.annotations import (
    AccountAnnotationRelationship,
    Annotation,
    GenericAssetAnnotationRelationship,
    SensorAnnotationRelationship,
)
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.data.models.user import (
    Account,
    AccountRole,
    Role,
    RolesAccounts,
    RolesUsers,
    User,
)
from flexmeasures.data.services.accounts import create_account
from flexmeasures.data.services.users import create_user

START = datetime(2026, 11, 25, tzinfo=timezone.utc)
LINKS = (
    AccountAnnotationRelationship,
    GenericAssetAnnotationRelationship,
    SensorAnnotationRelationship,
)


@pytest.fixture
def tenants(fresh_db: SQLAlchemy) -> SQLAlchemy:
    """A bakery and a hotel, alike: two users, two assets, all with beliefs and annotations."""
    oven = GenericAssetType(name="oven")
    for name in ("Bakery", "Hotel"):
        account = create_account(name, ["Prosumer"])
        users = [_user(f"{person} of {name}", account) for person in ("ann", "bob")]
        source = fresh_db.session.scalars(select(DataSource).filter_by(user=users[0])).one()
        note = Annotation(
            content=name, start=START, end=START + timedelta(days=1), source=source, type="label"
        )
        fresh_db.session.add(note)
        fresh_db.session.flush()
        fresh_db.session.add(
            AccountAnnotationRelationship(account_id=account.id, annotation_id=note.id)
        )
        for number in (1, 2):
            _asset(f"oven {number}", account, oven, source, note)
    fresh_db.session.commit()
    return fresh_db


def _user(name: str, account: Account) -> User:
    return create_user(
        email=f"{name.replace(' ', '-')}@example.com".lower(),
        username=name,
        password="battery-horse",
        account_name=account.name,
        user_roles=["account-admin"],
        check_email_deliverability=False,
    )


def _asset(
    name: str, account: Account, type_: GenericAssetType, source: DataSource, note: Annotation
) -> None:
    from flexmeasures.data.config import db

    asset = GenericAsset(name=name, owner=account, generic_asset_type=type_)
    sensor = Sensor("power", generic_asset=asset, unit="kW", event_resolution=timedelta(hours=1))
    db.session.add(sensor)
    db.session.flush()
    db.session.add_all(
        [
            TimedBelief(
                sensor,
                source,
                event_start=START + timedelta(hours=hour),
                belief_horizon=timedelta(0),
                event_value=1.0,
            )
            for hour in range(3)
        ]
    )
    db.session.add_all(
        [
            GenericAssetAnnotationRelationship(generic_asset_id=asset.id, annotation_id=note.id),
            SensorAnnotationRelationship(sensor_id=sensor.id, annotation_id=note.id),
        ]
    )


def counts(db: SQLAlchemy, *models: type[Model]) -> list[int]:
    db.session.rollback()
    return [db.session.scalars(select(func.count()).select_from(model)).one() for model in models]


@contextmanager
def statements(db: SQLAlchemy) -> Iterator[list[str]]:
    """What is sent to the database meanwhile."""
    sent: list[str] = []

    def note(*arguments: Any) -> None:
        sent.append(arguments[2])

    event.listen(db.engine, "before_cursor_execute", note)
    yield sent
    event.remove(db.engine, "before_cursor_execute", note)


class TestAccount:
    def test_all_of_it_goes_and_others_keep_theirs(
        self, tenants: SQLAlchemy, invoke: Invoke
    ) -> None:
        done = invoke(delete_account, "--id", "1", input="y\n")
        assert done.stdout.splitlines() == [
            "Deleting user <User ann of Bakery (ID:1)> ...",
            "Deleting user <User bob of Bakery (ID:2)> ...",
            "Deleting association of account Bakery and role Prosumer ...",
            "Deleting generic asset <GenericAsset 1: 'oven 1' (oven)> (and sensors & beliefs) ...",
            "Deleting generic asset <GenericAsset 2: 'oven 2' (oven)> (and sensors & beliefs) ...",
            "Account Bakery has been deleted.",
        ]
        assert counts(tenants, Account, User, GenericAsset, Sensor) == [1, 2, 2, 2]
        assert counts(tenants, TimedBelief, RolesUsers, RolesAccounts) == [6, 2, 1]
        assert counts(tenants, *LINKS) == [1, 2, 2]
        assert counts(tenants, AccountRole, Role, GenericAssetType) == [1, 1, 1]
        assert tenants.session.scalars(select(User.account_id).distinct()).all() == [2]

    def test_sources_stay(self, tenants: SQLAlchemy, invoke: Invoke) -> None:
        invoke(delete_account, "--id", "1", "--force")
        tenants.session.rollback()
        sources = tenants.session.scalars(select(DataSource).order_by(DataSource.id))
        assert [(source.name, source.type, source.user_id) for source in sources] == [
            ("ann of Bakery", "user", None),
            ("bob of Bakery", "user", None),
            ("ann of Hotel", "user", 3),
            ("bob of Hotel", "user", 4),
        ]

    def test_it_tells_what_it_is_about_to_do(self, tenants: SQLAlchemy, invoke: Invoke) -> None:
        declined = invoke(delete_account, "--id", "1", input="\n", exit_code=1)
        assert (
            "Delete account 'Bakery', including generic assets, users and all their data?\n"
            "Affected users: ann of Bakery,bob of Bakery\n"
            "Affected generic assets: oven 1,oven 2\n"
            " [y/N]: " in declined.stderr
        )
        assert "Aborted!" in declined.stderr
        assert counts(tenants, Account, User, GenericAsset) == [2, 4, 4]

    def test_one_statement_per_table(self, tenants: SQLAlchemy, invoke: Invoke) -> None:
        with statements(tenants) as sent:
            invoke(delete_account, "--id", "1", "--force")
        few = [statement for statement in sent if not statement.startswith("SELECT")]
        assert sorted(statement.split("WHERE")[0].split("SET")[0].strip() for statement in few) == [
            "DELETE FROM account",
            "DELETE FROM fm_user",
            "DELETE FROM generic_asset",
            "DELETE FROM roles_accounts",
            "DELETE FROM roles_users",
            "UPDATE data_source",
        ]

        bob = tenants.session.get_one(Account, 2)
        for number in range(20):
            _user(f"guest {number}", bob)
        tenants.session.commit()
        with statements(tenants) as sent_for_many:
            invoke(delete_account, "--id", "2", "--force")
        assert len(sent_for_many) == len(sent)

    @pytest.mark.parametrize("id_", ["7", "0", "99999999999"])
    def test_unknown(self, tenants: SQLAlchemy, invoke: Invoke, id_: str) -> None:
        refused = invoke(delete_account, "--id", id_, "--force", exit_code=1)
        assert f"Account with ID '{id_}' does not exist." in refused.stderr

    def test_without_anything(self, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        create_account("Empty")
        fresh_db.session.commit()
        declined = invoke(delete_account, "--id", "1", exit_code=1)
        assert "Affected users: none\nAffected generic assets: none\n" in declined.stderr
        invoke(delete_account, "--id", "1", "--force")
        assert counts(fresh_db, Account) == [0]


class TestAccountRole:
    def test_taken_from_accounts(self, tenants: SQLAlchemy, invoke: Invoke) -> None:
        done = invoke(delete_account_role, "--name", "Prosumer")
        assert done.stdout == "Account role 'Prosumer' has been deleted.\n"
        assert done.stderr == (
            "The following accounts have role 'Prosumer': Bakery,Hotel. "
            "Removing this role from them ...\n"
        )
        assert counts(tenants, AccountRole, RolesAccounts, Account) == [0, 0, 2]

    def test_unknown(self, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        refused = invoke(delete_account_role, "--name", "Baker", exit_code=1)
        assert "Account role 'Baker' does not exist." in refused.stderr


class TestUserRole:
    def test_taken_from_users(self, tenants: SQLAlchemy, invoke: Invoke) -> None:
        done = invoke(delete_user_role, "--name", "account-admin", input="y\n")
        assert "User role 'account-admin' has been deleted." in done.stdout
        assert (
            "Affected users: ann of Bakery,ann of Hotel,bob of Bakery,bob of Hotel" in done.stderr
        )
        assert counts(tenants, Role, RolesUsers, User) == [0, 0, 4]

    def test_declined(self, tenants: SQLAlchemy, invoke: Invoke) -> None:
        invoke(delete_user_role, "--name", "account-admin", input="n\n", exit_code=1)
        assert counts(tenants, Role, RolesUsers) == [1, 4]

    def test_unknown(self, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        refused = invoke(delete_user_role, "--name", "waitress", "--force", exit_code=1)
        assert "User role 'waitress' does not exist." in refused.stderr


class TestUser:
    ANN = ("--email", "Ann-of-Bakery@example.com")

    def test_source_and_beliefs_stay(self, tenants: SQLAlchemy, invoke: Invoke) -> None:
        with statements(tenants) as sent:
            done = invoke(delete_a_user, *self.ANN, input="y\n")
        assert done.stdout == ""
        assert len(sent) == 4  # find, and one per table
        assert "Delete user 'Ann-of-Bakery@example.com'? [y/N]" in done.stderr
        assert counts(tenants, User, RolesUsers, DataSource, TimedBelief) == [3, 3, 4, 12]
        assert tenants.session.get_one(DataSource, 1).user_id is None

    def test_the_name_can_be_used_again(self, tenants: SQLAlchemy, invoke: Invoke) -> None:
        invoke(delete_a_user, *self.ANN, "--force")
        again = _user("ann of Bakery", tenants.session.get_one(Account, 1))
        tenants.session.commit()
        assert [source.id for source in again.data_source] == [5]  # type: ignore[attr-defined]

    def test_declined(self, tenants: SQLAlchemy, invoke: Invoke) -> None:
        declined = invoke(delete_a_user, *self.ANN, input="n\n", exit_code=1)
        assert "Aborted!" in declined.stderr
        assert counts(tenants, User) == [4]

    def test_unknown(self, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        refused = invoke(delete_a_user, "--email", "eve@example.com", input="y\n", exit_code=1)
        assert "Could not find user with email address 'eve@example.com' ..." in refused.stderr


class TestAssetAndSensor:
    def test_asset(self, tenants: SQLAlchemy, invoke: Invoke) -> None:
        done = invoke(delete_asset_and_data, "--id", "1", input="y\n")
        question = "Delete <GenericAsset 1: 'oven 1' (oven)>, including all its sensors and data?"
        assert question in done.stderr
        assert done.stdout == ""
        assert counts(tenants, GenericAsset, Sensor, TimedBelief, *LINKS) == [3, 3, 9, 2, 3, 3]

    def test_sensor(self, tenants: SQLAlchemy, invoke: Invoke) -> None:
        with statements(tenants) as sent:
            done = invoke(delete_sensor, "--id", "1", input="y\n")
        assert sum(statement.startswith("DELETE") for statement in sent) == 1
        question = "Delete <Sensor 1: power, unit: kW res.: 1:00:00>, along with 3 beliefs?"
        assert question in done.stderr
        assert counts(tenants, GenericAsset, Sensor, TimedBelief, *LINKS) == [4, 3, 9, 2, 4, 3]

    @pytest.mark.parametrize(
        ("command", "says"),
        [
            (delete_asset_and_data, "No asset found with id 77."),
            (delete_sensor, "No sensor found with id 77."),
        ],
    )
    def test_unknown(self, fresh_db: SQLAlchemy, invoke: Invoke, command: Any, says: str) -> None:
        assert says in invoke(command, "--id", "77", exit_code=2).stderr
