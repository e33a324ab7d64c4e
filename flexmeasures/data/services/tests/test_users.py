from __future__ import annotations

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from werkzeug.exceptions import NotFound

from flexmeasures.data.services.users import find_user_by_email, get_user, get_users
from flexmeasures.tests.permissions.world import PEOPLE, World, build_world


@pytest.fixture(scope="module")
def world(app: Flask, db: SQLAlchemy) -> World:
    return build_world()


def test_one_user(world: World) -> None:
    assert get_user(world.users["member"]).username == "member"
    assert get_user(str(world.users["member"])).username == "member"
    with pytest.raises(NotFound, match="User 999 not found"):
        get_user(999)


def test_users_by_account_and_roles(world: World) -> None:
    def names(**filters: str | bool) -> set[str]:
        return {user.username for user in get_users(**filters)}  # type: ignore[arg-type]

    assert names(only_active=False) == set(PEOPLE)
    assert names() == set(PEOPLE) - {"deactivated"}
    assert names(account_name="Mill") == {"other"}
    assert names(role_name="account-admin") == {"other", "account-admin"}
    assert names(role_name="no such role") == names()
    assert names(account_role_name="Prosumer") == names(account_name="Bakery")
    assert names(account_role_name="no such role") == set()
    assert names(account_name="Bakery", role_name="admin") == {"admin of the bakery"}
    with pytest.raises(NotFound):
        get_users(account_name="Nowhere")


@pytest.mark.parametrize("email", ["", "\x00", "a\nb", "\ud800"])
def test_texts_that_are_no_address(world: World, email: str) -> None:
    assert find_user_by_email(email) is None
