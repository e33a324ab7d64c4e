from __future__ import annotations

from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event

from flexmeasures.data.services.users import create_user


def test_finding_a_user_takes_one_statement_and_no_notice_of_case(
    app: Flask, fresh_db: SQLAlchemy
) -> None:
    create_user(
        email="ann@example.com",
        password="battery-horse",
        account_name="Bakery",
        user_roles=["admin", "account-admin"],
        check_email_deliverability=False,
    )
    fresh_db.session.commit()
    fresh_db.session.remove()
    sent: list[str] = []

    def note(*arguments: Any) -> None:
        sent.append(arguments[2])

    event.listen(fresh_db.engine, "before_cursor_execute", note)
    find_user = app.extensions["security"].datastore.find_user
    user = find_user(case_insensitive=True, email="ANN@example.com")
    assert user.account.name == "Bakery"
    assert {role.name for role in user.roles} == {"admin", "account-admin"}
    event.remove(fresh_db.engine, "before_cursor_execute", note)
    assert len(sent) == 1

    assert find_user(fs_uniquifier=user.fs_uniquifier) is user
    assert find_user(email="ANN@example.com") is None
