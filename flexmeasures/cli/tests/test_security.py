"""The groups `users` and `roles`: what they say is stored."""

from __future__ import annotations

import click
import pytest
from flask import Flask
from flask_security import verify_password
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import select

from flexmeasures.cli.conftest import Invoke
from flexmeasures.cli.security import roles, users
from flexmeasures.data.models.user import Role, User
from flexmeasures.data.services.users import create_user

ANN = "ann@example.com"


@pytest.fixture
def ann(fresh_db: SQLAlchemy) -> User:
    ann = create_user(
        email=ANN,
        password="battery-horse",
        account_name="Bakery",
        user_roles=["account-admin"],
        check_email_deliverability=False,
    )
    fresh_db.session.commit()
    return ann


def stored(db: SQLAlchemy) -> User:
    db.session.rollback()
    return db.session.scalars(select(User)).one()


def test_deactivate_and_activate(ann: User, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
    done = invoke(users, "deactivate", "Ann@Example.com")
    assert 'User "Ann@Example.com" has been deactivated.' in done.output
    assert not stored(fresh_db).active
    invoke(users, "activate", ANN)
    assert stored(fresh_db).active


def test_reset_access(ann: User, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
    before = ann.fs_uniquifier
    invoke(users, "reset_access", ANN)
    assert stored(fresh_db).fs_uniquifier != before


def test_change_password(ann: User, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
    before = ann.fs_uniquifier
    invoke(users, "change_password", ANN, input="staple-correct\nstaple-correct\n")
    changed = stored(fresh_db)
    assert verify_password("staple-correct", str(changed.password))
    assert changed.fs_uniquifier != before  # logged out everywhere


def test_passwords_keep_the_rules(ann: User, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
    refused = invoke(users, "change_password", ANN, "--password", "short", exit_code=2)
    assert "at least 8 characters" in refused.stderr
    assert verify_password("battery-horse", str(stored(fresh_db).password))


@pytest.mark.parametrize("active", [True, False])
def test_give_and_take_roles(ann: User, fresh_db: SQLAlchemy, invoke: Invoke, active: bool) -> None:
    """Those of deactivated users too, which have no effect until they are activated."""
    ann.active = active
    fresh_db.session.commit()
    done = invoke(roles, "create", "waitress", "-d", "Serves")
    assert 'Role "waitress" created successfully.' in done.stdout
    done = invoke(roles, "add", ANN, "waitress")
    assert f'Role "waitress" added to user "{ANN}" successfully.' in done.output
    assert {role.name for role in stored(fresh_db).flexmeasures_roles} == {
        "account-admin",
        "waitress",
    }
    assert bool(stored(fresh_db).roles) == active
    invoke(roles, "add", ANN, "waitress", exit_code=2)

    done = invoke(roles, "remove", ANN, "account-admin")
    assert f'Role "account-admin" removed from user "{ANN}" successfully.' in done.output
    assert [role.name for role in stored(fresh_db).flexmeasures_roles] == ["waitress"]
    invoke(roles, "remove", ANN, "account-admin", exit_code=2)


@pytest.mark.parametrize(
    ("group", "words", "exit_code", "says"),
    [
        (users, ("create", "bob@example.com", "--password", "x"), 1, "flexmeasures add user"),
        (users, ("deactivate", "eve@example.com"), 2, "User not found."),
        (users, ("deactivate", "eve"), 2, "User not found."),
        (roles, ("create", "account-admin"), 1, "User role 'account-admin' already exists."),
        (roles, ("create", "r" * 81), 1, "80 characters at most"),
        (roles, ("create", "cook", "-p", "read"), 2, "does not support permissions"),
        (roles, ("add", ANN, "cook"), 2, "Cannot find role."),
        (roles, ("add", "eve@example.com", "account-admin"), 2, "User not found."),
        (roles, ("add_permissions", "account-admin", "read"), 2, "does not support permissions"),
        (roles, ("remove_permissions", "account-admin", "read"), 2, "does not support permissions"),
    ],
)
def test_refused(
    ann: User,
    fresh_db: SQLAlchemy,
    invoke: Invoke,
    group: click.Group,
    words: tuple[str, ...],
    exit_code: int,
    says: str,
) -> None:
    assert says in invoke(group, *words, exit_code=exit_code).stderr
    assert [role.name for role in stored(fresh_db).flexmeasures_roles] == ["account-admin"]
    assert len(fresh_db.session.scalars(select(Role)).all()) == 1


def test_flasks_own_command_line_has_the_same_groups(app: Flask) -> None:
    assert app.cli.get_command(click.Context(app.cli), "users") is users
    assert app.cli.get_command(click.Context(app.cli), "roles") is roles


@pytest.mark.parametrize("ours", [users, roles], ids=["users", "roles"])
def test_commands_are_those_of_the_library(ours: click.Group) -> None:
    from flask_security import cli as library

    theirs = {"users": library.users, "roles": library.roles}[str(ours.name)]
    assert set(ours.commands) == set(theirs.commands)
    for name in set(ours.commands) - {"create", "add_permissions", "remove_permissions"}:
        known = [sorted(parameter.opts) for parameter in ours.commands[name].params]
        assert known == [sorted(parameter.opts) for parameter in theirs.commands[name].params], name
