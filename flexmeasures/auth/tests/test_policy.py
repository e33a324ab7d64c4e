"""The order of checks, and who passes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask_security.utils import login_user
from flask_sqlalchemy import SQLAlchemy
from werkzeug.exceptions import Forbidden, Unauthorized

from flexmeasures.auth import acl, policy
from flexmeasures.auth.policy import check_access, running_as_cli
from flexmeasures.data.models.user import Account, User
from flexmeasures.data.services.users import InvalidFlexMeasuresUser, create_user, delete_user


@pytest.fixture
def request_context(app: Flask) -> Iterator[None]:
    with app.app_context(), app.test_request_context():
        yield


@pytest.fixture
def account(fresh_db: SQLAlchemy) -> Account:
    user = create_user(
        email="ann@example.com",
        password="battery-horse",
        account_name="Bakery",
        check_email_deliverability=False,
    )
    fresh_db.session.commit()
    return user.account


def test_an_unknown_permission_is_nobodys(request_context: None, account: Account) -> None:
    with pytest.raises(Forbidden):
        check_access(account, "paint")


def test_strangers_are_told_first_that_they_are(request_context: None) -> None:
    with pytest.raises(Unauthorized):
        check_access(None, "read")


@pytest.mark.parametrize("context", [None, object(), "account"])
def test_things_without_access_list(
    request_context: None, account: Account, context: object
) -> None:
    login_user(account.users[0])
    with pytest.raises(Forbidden):
        check_access(context, "read")


def test_members(request_context: None, account: Account) -> None:
    login_user(account.users[0])
    check_access(account, "read")
    for permission in ("create-children", "read-children", "delete"):
        with pytest.raises(Forbidden):
            check_access(account, permission)


def test_commands_may_do_everything(app: Flask, run_as_cli: None, account: Account) -> None:
    assert running_as_cli()
    check_access(account, "delete")
    with pytest.raises(Forbidden):
        check_access(account, "paint")


def test_requests_are_no_commands(
    app: Flask, run_as_cli: None, request_context: None, account: Account
) -> None:
    assert not running_as_cli()
    with pytest.raises(Unauthorized):
        check_access(account, "read")


def test_names_for_plugins() -> None:
    assert policy.PERMISSIONS == ["create-children", "read", "read-children", "update", "delete"]
    assert (policy.ADMIN_ROLE, policy.ADMIN_READER_ROLE) == ("admin", "admin-reader")
    assert policy.EVERY_LOGGED_IN_USER == "every-logged-in-user"
    assert policy.AuthModelMixin is acl.AuthModelMixin


def test_the_viewer(app: Flask, account: Account) -> None:
    assert acl.viewer() is None
    with app.app_context(), app.test_request_context():
        assert acl.viewer() is None
        login_user(account.users[0])
        viewer = acl.viewer()
        assert viewer is not None
        assert viewer.id == account.users[0].id


def test_nobody_deletes_themself(request_context: None, account: Account) -> None:
    user: User = account.users[0]
    login_user(user)
    with pytest.raises(InvalidFlexMeasuresUser, match="cannot delete yourself"):
        delete_user(user)
