"""Pages about users and accounts: what they show to whom, and what they change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event, insert
from werkzeug.exceptions import Forbidden, NotFound

from flexmeasures.app import create
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.models.user import Account, User
from flexmeasures.data.services.accounts import create_account
from flexmeasures.data.services.users import create_user
from flexmeasures.tests.permissions.world import PASSWORD, World, build_world, user_named
from flexmeasures.ui.crud.accounts import get_account, get_accounts
from flexmeasures.ui.crud.users import get_users_by_account

HTML = {"Accept": "text/html"}


@pytest.fixture
def world(fresh_db: SQLAlchemy) -> World:
    return build_world()


@pytest.fixture
def site(world: World) -> FlexMeasures:
    return create(env="testing")


def browser_of(site: Flask, name: str) -> FlaskClient:
    client = site.test_client()
    client.environ_base["HTTP_ACCEPT"] = "text/html"
    with client.session_transaction() as session:
        session.update(_user_id=user_named(name).fs_uniquifier, _fresh=True)
    return client


def names_in(page: str) -> list[str]:
    return re.findall(r'<th scope="row">(?:<a [^>]*>)?(?:<i [^>]*></i> )?([^<]*)<', page)


# Users


def test_whom_a_list_of_users_shows(site: FlexMeasures, world: World) -> None:
    own = ["account-admin", "admin of the bakery", "colleague", "member"]
    everybody = ["account-admin", "admin", "admin of the bakery", "admin-reader"]
    everybody += ["colleague", "member", "other"]
    assert names_in(browser_of(site, "member").get("/users").text) == own
    assert names_in(browser_of(site, "other").get("/users").text) == ["other"]
    for who in ("admin", "admin-reader"):
        assert names_in(browser_of(site, who).get("/users").text) == everybody


def test_inactive_users_are_listed_when_asked_for(site: FlexMeasures, world: World) -> None:
    client = browser_of(site, "member")
    for query in ("", "?include_inactive=0"):
        page = client.get(f"/users{query}").text
        assert "All active users" in page
        assert "deactivated" not in names_in(page)
    page = client.get("/users?include_inactive=1&filter=deactivated").text
    assert "<h1>All users</h1>" in page
    assert names_in(page) == ["deactivated"]
    # both controls keep what the other one says
    assert '<input type="hidden" name="include_inactive" value="1">' in page
    assert '<input type="hidden" name="filter" value="deactivated">' in page


def test_only_pages_that_would_open_are_linked(site: FlexMeasures, world: World) -> None:
    users = world.users

    def linked(who: str) -> set[int]:
        page = browser_of(site, who).get("/users?per-page=100").text
        return {int(id_) for id_ in re.findall(r'href="/users/(\d+)"', page)}

    assert linked("member") == {users["member"]}
    assert linked("account-admin") == {users[n] for n in ("account-admin", "member", "colleague")}
    assert linked("admin-reader") == set(users.values()) - {users["deactivated"]}


def test_names_are_escaped(site: FlexMeasures, world: World, fresh_db: SQLAlchemy) -> None:
    user_named("colleague").username = "<b>Eve</b>"
    account = fresh_db.session.query(Account).filter_by(name="Bakery").one()
    account.name = "Bread & <i>Butter</i>"
    fresh_db.session.commit()
    client = browser_of(site, "account-admin")
    user = world.users["colleague"]
    for path in (
        "/users",
        f"/users/{user}",
        f"/users/toggle_active/{user}",
        f"/users/reset_password_for/{user}",
        "/accounts",
        f"/accounts/{account.id}",
    ):
        page = client.get(path).text
        assert "<b>Eve" not in page
        assert "<i>Butter" not in page
    assert "&lt;b&gt;Eve" in client.get("/users").text


def test_a_user_page(site: FlexMeasures, world: World) -> None:
    page = browser_of(site, "admin").get(f"/users/{world.users['account-admin']}").text
    for text in (
        "<title>User account-admin - FlexMeasures</title>",
        "User overview",
        "User: account-admin",
        "account-admin@example.com",
        "Europe/Amsterdam",
        "Deactivate user",
        "Reset password",
        f'<a href="/assets/owned_by/{world.ids["account of Bakery"]}/">1</a>',
    ):
        assert text in page
    assert (
        "Activate user"
        in browser_of(site, "admin").get(f"/users/{world.users['deactivated']}").text
    )


def test_who_only_reads_finds_no_buttons(site: FlexMeasures, world: World) -> None:
    page = browser_of(site, "admin-reader").get(f"/users/{world.users['member']}").text
    assert "Reset password" not in page
    assert "Deactivate" not in page
    page = browser_of(site, "member").get(f"/users/{world.users['member']}").text
    assert "Reset password" in page
    assert "Deactivate" not in page


def test_deactivating_and_activating(site: FlexMeasures, world: World) -> None:
    user = world.users["colleague"]
    theirs, client = browser_of(site, "colleague"), browser_of(site, "account-admin")
    assert theirs.get("/users").status_code == 200
    question = client.get(f"/users/toggle_active/{user}").text
    assert "Deactivate colleague?" in question
    assert user_named("colleague").active
    for _ in range(2):  # twice is not back and forth
        answer = client.post(f"/users/toggle_active/{user}", data={"active": "false"})
        assert (answer.status_code, answer.location) == (303, f"/users/{user}")
        assert not user_named("colleague").active
    page = client.get(answer.location).text
    assert "User colleague&#39;s new activation status is now False." in page
    assert "Activate user" in page
    assert theirs.get("/users").location == "/login?next=/users"
    client.post(f"/users/toggle_active/{user}")
    assert user_named("colleague").active


def test_resetting_a_password(site: FlexMeasures, world: World, fresh_db: SQLAlchemy) -> None:
    user = user_named("colleague")
    theirs, client = browser_of(site, "colleague"), browser_of(site, "admin")
    token, password = user.get_auth_token(), user.password
    path = f"/users/reset_password_for/{user.id}"
    assert "Reset the password of colleague?" in client.get(path).text
    assert user_named("colleague").password == password
    with site.mail.record_messages() as mails:
        page = client.post(path, follow_redirects=True)
    assert page.request.path == f"/users/{user.id}"
    assert "has been changed to a random password" in page.text
    assert sorted(mail.subject for mail in mails) == [
        "Password reset instructions for your FlexMeasures account.",
        "Your FlexMeasures password has been reset.",
    ]
    fresh_db.session.expire_all()
    assert user_named("colleague").password != password
    assert theirs.get("/users").status_code == 302
    api = site.test_client().get("/api/v3_0/users", headers={"Authorization": token})
    assert api.status_code == 401


def test_resetting_the_own_password_logs_out(site: FlexMeasures, world: World) -> None:
    client = browser_of(site, "member")
    path = f"/users/reset_password_for/{world.users['member']}"
    assert f'href="{path}"' in client.get("/logged-in-user").text
    assert "Only mail me a link" in client.get(path).text
    page = client.post(path, follow_redirects=True)
    assert page.request.path == "/login"
    assert "has been changed to a random password" in page.text
    assert client.get("/users").status_code == 302


def test_without_mail_the_password_stays(
    site: FlexMeasures, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise OSError

    monkeypatch.setattr("flexmeasures.auth.reset.wait_for_letters", refuse)
    before = user_named("colleague").password
    answer = browser_of(site, "admin").post(f"/users/reset_password_for/{world.users['colleague']}")
    assert answer.status_code == 503
    assert "The password stays as it was" in answer.text
    assert user_named("colleague").password == before


def test_changes_need_a_form_of_ours(site: FlexMeasures, world: World) -> None:
    site.config["WTF_CSRF_ENABLED"] = True
    client = browser_of(site, "admin")
    for path in ("toggle_active", "reset_password_for"):
        answer = client.post(f"/users/{path}/{world.users['colleague']}")
        assert answer.status_code == 400
    assert user_named("colleague").active


def test_expired_sessions_lead_back_to_the_question(site: FlexMeasures, world: World) -> None:
    path = f"/users/toggle_active/{world.users['colleague']}"
    answer = site.test_client().post(path, headers=HTML)
    assert answer.location == f"/login?next={path}"


def test_odd_ids(site: FlexMeasures, world: World) -> None:
    client = browser_of(site, "admin")
    for path in ("/users/0", "/users/9999999999", "/users/x", "/users/", "/accounts/9999999999"):
        assert client.get(path).status_code == 404


# Accounts


def test_which_accounts_are_listed(site: FlexMeasures, world: World) -> None:
    page = browser_of(site, "admin-reader").get("/accounts").text
    assert "All Accounts" in page
    assert names_in(page) == ["Bakery", "Mill", "Server Room"]
    assert names_in(browser_of(site, "other").get("/accounts").text) == ["Mill"]


def test_accounts_are_listed_with_numbers(site: FlexMeasures, world: World) -> None:
    """Of users, those who are active count."""
    page = browser_of(site, "member").get("/accounts").text
    cells = dict(re.findall(r'<td data-label="(\w+)">(?:<a [^>]*>)?([^<]*)<', page))
    bakery = world.ids["account of Bakery"]
    assert cells == {"ID": str(bakery), "Assets": "1", "Users": "4", "Roles": "Prosumer"}


def test_an_account_page(site: FlexMeasures, world: World) -> None:
    page = browser_of(site, "member").get(f"/accounts/{world.ids['account of Bakery']}").text
    assert "<title>Account overview - FlexMeasures</title>" in page
    assert "Account: Bakery" in page
    users, assets = page.split('id="assets-title"')
    assert names_in(users)[2:] == ["account-admin", "admin of the bakery", "colleague", "member"]
    assert re.findall(r"/assets/(\d+)/", assets) == [
        str(world.ids["asset of Bakery"]),
        str(world.ids["asset of None"]),
    ]
    assert "PUBLIC" in assets


def test_each_table_of_an_account_is_paged(
    site: FlexMeasures, world: World, fresh_db: SQLAlchemy
) -> None:
    more_of_all(fresh_db, world, 25)
    client = browser_of(site, "member")
    path = f"/accounts/{world.ids['account of Bakery']}"
    page = client.get(f"{path}?users-filter=user&users-page=3&assets-page=2").text
    assert "Showing 21 to 25 out of 25 records" in page
    assert "Showing 11 to 20 out of 27 records" in page
    assert "users-page=3&amp;assets-page=1" in page or "assets-page=1" in page


# Numbers of statements


def more_of_all(db: SQLAlchemy, world: World, number: int) -> None:
    account = world.ids["account of Bakery"]
    kind = db.session.query(GenericAssetType).first()
    assert kind is not None
    db.session.execute(
        insert(User),
        [
            {
                "email": f"user{n}@example.com",
                "username": f"user {n}",
                "fs_uniquifier": f"uniquifier {n}",
                "account_id": account,
                "active": True,
            }
            for n in range(number)
        ],
    )
    db.session.execute(insert(Account), [{"name": f"account {n}"} for n in range(number)])
    assets = db.session.scalars(
        insert(GenericAsset).returning(GenericAsset.id),
        [
            {"name": f"asset {n}", "account_id": account, "generic_asset_type_id": kind.id}
            for n in range(number)
        ],
    ).all()
    asset = db.session.get(GenericAsset, assets[0])
    db.session.add(Sensor("one", asset, unit="MW"))
    db.session.commit()


@contextmanager
def counted(db: SQLAlchemy) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(*args: object) -> None:
        statements.append(str(args[2]))

    event.listen(db.engine, "before_cursor_execute", note)
    yield statements
    event.remove(db.engine, "before_cursor_execute", note)


def test_statements_do_not_grow_with_what_there_is(
    site: FlexMeasures, world: World, fresh_db: SQLAlchemy
) -> None:
    paths = ["/users?per-page=100", "/accounts?per-page=100", "/accounts/<id>?users-per-page=100"]
    paths.append(f"/users/{world.users['colleague']}")
    clients = [browser_of(site, who) for who in ("admin", "account-admin")]

    def numbers() -> list[int]:
        found = []
        for client, path in product(clients, paths):
            with counted(fresh_db) as statements:
                answer = client.get(path.replace("<id>", str(world.ids["account of Bakery"])))
            assert answer.status_code == 200
            found.append(len(statements))
        return found

    numbers()
    more_of_all(fresh_db, world, 10)
    few = numbers()
    fresh_db.session.execute(
        insert(User),
        [
            {
                "email": f"more{n}@example.com",
                "username": f"more {n}",
                "fs_uniquifier": f"more {n}",
                "account_id": world.ids["account of Bakery"],
                "active": True,
            }
            for n in range(1000)
        ],
    )
    fresh_db.session.commit()
    assert numbers() == few
    assert max(few) < 15


# Functions for plugins


def test_functions_give_what_may_be_read(site: FlexMeasures, world: World) -> None:
    from flask_security.utils import login_user

    bakery, mill = world.ids["account of Bakery"], world.ids["account of Mill"]
    with site.test_request_context("/"):
        login_user(user_named("member"))
        users = get_users_by_account(bakery)
        assert [user.username for user in users] == [
            "account-admin",
            "admin of the bakery",
            "colleague",
            "member",
        ]
        assert len(get_users_by_account(bakery, include_inactive=True)) == 5
        assert [account["name"] for account in get_accounts()] == ["Bakery"]
        account = get_account(bakery)
        assert (account["id"], account["name"]) == (bakery, "Bakery")
        assert [role["name"] for role in account["account_roles"]] == ["Prosumer"]
        for function in (get_users_by_account, get_account):
            with pytest.raises(Forbidden):
                function(mill)
            with pytest.raises(NotFound):
                function(12345)


# What depends on roles of accounts, and on modes


def test_members_of_accounts_see_their_platform(
    site: FlexMeasures, world: World, fresh_db: SQLAlchemy
) -> None:
    create_account("Windmill", ["MDC"])
    create_user(
        email="miller@example.com",
        username="miller",
        password=PASSWORD,
        account_name="Windmill",
        check_email_deliverability=False,
    )
    fresh_db.session.commit()
    site.config.update(
        FLEXMEASURES_PLATFORM_NAME=[("Bread Power", ["Prosumer"]), ("Meters", ["MDC"]), "All"],
        FLEXMEASURES_MENU_LISTED_VIEWS=["dashboard", ("readings", ["MDC"])],
        FLEXMEASURES_MENU_LOGO_PATH="/static/logo.png",
        FLEXMEASURES_EXTRA_CSS_PATH="/static/extra.css",
    )
    pages = {who: browser_of(site, who).get("/accounts").text for who in ("member", "miller")}
    assert "<title>Account listing - Bread Power</title>" in pages["member"]
    assert "<title>Account listing - Meters</title>" in pages["miller"]
    assert 'href="/readings"' in pages["miller"]
    assert 'href="/readings"' not in pages["member"]
    for page in pages.values():
        assert 'src="/static/logo.png"' in page
        assert page.index("/static/extra.css") > page.index("css/people.css")


@pytest.mark.parametrize("mode", ["demo", "play"])
def test_the_menu_bar_tells_the_mode(site: FlexMeasures, world: World, mode: str) -> None:
    badge = f">{mode.capitalize()}</span>"
    assert badge not in site.test_client().get("/login").text
    site.config["FLEXMEASURES_MODE"] = mode
    assert badge in site.test_client().get("/login").text
