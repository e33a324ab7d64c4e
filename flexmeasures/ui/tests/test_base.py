"""Menu, footer, blocks, variables and filters: what pages, and those of plugins, are built on."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask, render_template_string, session
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from werkzeug.routing import Map

from flexmeasures.app import create
from flexmeasures.data.models.user import Role
from flexmeasures.tests.permissions.world import World, build_world, user_named
from flexmeasures.ui import register_at
from flexmeasures.ui.menu import menu_entries
from flexmeasures.ui.utils.view_utils import (
    clear_session,
    render_flexmeasures_template,
    set_time_range_for_session,
)


@pytest.fixture(scope="module")
def world(db: SQLAlchemy) -> World:
    return build_world()


@pytest.fixture
def site(app: Flask) -> Flask:
    return create(env="testing")


def test_pages_that_do_not_exist_are_not_in_the_menu(app: Flask, world: World) -> None:
    site = create(env="testing")
    site.url_map = Map()
    assert menu_of(site, "member", show_queues=True) == {}


def browser_of(site: Flask, name: str | None) -> FlaskClient:
    client = site.test_client()
    if name is not None:
        with client.session_transaction() as session:
            session["_user_id"] = user_named(name).fs_uniquifier
    return client


def menu_of(site: Flask, name: str, show_queues: bool = False) -> dict[str, str | None]:
    with site.test_request_context("/"):
        from flask_security.utils import login_user

        login_user(user_named(name))
        return {entry.title: entry.url for entry in menu_entries(show_queues)}


def test_menu_of_members_and_admins(site: Flask, world: World) -> None:
    own = f"/accounts/{world.ids['account of Bakery']}"
    assert menu_of(site, "member") == {"Dashboard": "/dashboard", "My Account": own}
    page = browser_of(site, "admin").get("/logged-in-user").text
    for text in ("Accounts", "Assets", "Users", "Tasks", "Forecasts", "Reports"):
        assert f">{text}" in page
    assert "My Account" not in page
    assert "My Account" in browser_of(site, "admin-reader").get("/logged-in-user").text


def test_a_demo_shows_what_admins_see(site: Flask, world: World) -> None:
    site.config["FLEXMEASURES_MODE"] = "demo"
    assert "/tasks/forecasting" in browser_of(site, "member").get("/logged-in-user").text


def test_no_menu_before_logging_in(site: Flask) -> None:
    page = site.test_client().get("/login").text
    assert "/dashboard" not in page
    assert 'id="navbar-logo"' in page


def test_listed_views(site: Flask, world: World) -> None:
    site.config.update(
        FLEXMEASURES_MENU_LISTED_VIEWS=[
            "my-page",
            ("for-prosumers", ["Prosumer"]),
            ("for-mdcs", ["MDC"]),
            "portfolio",
            "upload",
            7,
        ],
        FLEXMEASURES_MENU_LISTED_VIEW_TITLES={"for-prosumers": "Bread & Power"},
        FLEXMEASURES_MENU_LISTED_VIEW_ICONS={"my-page": "rocket"},
    )
    entries = menu_of(site, "member")
    assert [*entries][:3] == ["My-page", "Bread & Power", "Upload data"]
    assert (entries["My-page"], entries["Upload data"]) == ("/my-page", "/upload")
    page = browser_of(site, "member").get("/logged-in-user").text
    assert "fa-rocket" in page
    assert "Bread &amp; Power" in page


def test_users_of_the_role_anonymous(site: Flask, world: World, db: SQLAlchemy) -> None:
    user = user_named("colleague")
    user.roles = [Role(name="anonymous")]
    db.session.commit()
    entries = menu_of(site, "colleague", show_queues=True)
    assert (entries["Tasks"], entries["Users"], entries["Assets"]) == (None, None, "/assets/")
    page = browser_of(site, "colleague").get("/logged-in-user").text
    assert "Fresh access token" not in page
    assert "on version" not in page


def test_logo_and_extra_style_sheet(site: Flask) -> None:
    site.config["FLEXMEASURES_MENU_LOGO_PATH"] = "/my/logo.png?a=1&b=2"
    site.config["FLEXMEASURES_EXTRA_CSS_PATH"] = "/my/style.css"
    page = site.test_client().get("/login").text
    assert 'id="navbar-logo" src="/my/logo.png?a=1&amp;b=2"' in page
    assert page.index("/my/style.css") > page.index("css/flexmeasures.css")


def test_footer(site: Flask) -> None:
    site.config["LOADED_PLUGINS"] = {"name": "1.0", "other": "0.1"}
    page = site.test_client().get("/login").text
    assert "This app is running since" in page
    assert "Loaded plugins: name (v1.0), other (v0.1)." in page
    assert "About FlexMeasures" in page
    assert "Credits" in page


@pytest.mark.parametrize(
    "block",
    [
        "base",
        "head",
        "title",
        "styles",
        "body",
        "nav",
        "divs",
        "datetimepicker",
        "forecastpicker",
        "leftsidepanel",
        "sensorChartSetup",
        "attributions",
        "scripts",
        "paginate_tables_script",
        "copyright_notice",
        "about",
        "credits",
        "technical_info",
    ],
)
def test_blocks(site: Flask, block: str) -> None:
    template = "{%% extends 'base.html' %%}{%% block %s %%}Mine{%% endblock %%}" % block  # noqa: UP031
    with site.test_request_context("/"):
        assert "Mine" in render_template_string(template)


def test_blocks_within_divs_keep_their_scripts(site: Flask) -> None:
    template = """{% extends 'base.html' %}{% block divs %}Mine
        {% block leftsidepanel %}{{ super() }}{% endblock %}
        {% block sensorChartSetup %}{{ super() }}{% endblock %}{% endblock %}"""
    with site.test_request_context("/"):
        page = render_template_string(template)
    for script in ("sidepanel.js", "chart_page.js", "vega-embed.min.js"):
        assert page.count(script) == 1


def test_messages_are_escaped(site: Flask) -> None:
    with site.test_request_context("/"):
        page = render_flexmeasures_template("error.html", message="<b>", msg="It's & done")
    assert '<div class="alert alert-info" role="status">&lt;b&gt;</div>' in page
    assert "It&#39;s &amp; done" in page


def test_variables(site: Flask, world: World, tmp_path: Path) -> None:
    """Given ones give way to ours, but for show_datepicker."""
    names = [
        "documentation_exists",
        "show_queues",
        "start_time",
        "end_time",
        "event_starts_after",
        "event_ends_before",
        "page",
        "show_datepicker",
        "resolution",
        "resolution_human",
        "horizon_human",
        "flexmeasures_version",
        "git_version",
        "git_commits_since",
        "git_hash",
        "app_running_since",
        "loaded_plugins",
        "user_is_logged_in",
        "user_is_admin",
        "user_has_admin_reader_rights",
        "user_is_anonymous",
        "user_email",
        "user_name",
        "js_versions",
        "chart_options",
        "menu_logo",
        "extra_css",
        "mine",
    ]
    template = "\n".join(f"{name}={{{{ {name} }}}}" for name in names)
    (tmp_path / "some_page.html").write_text(template)
    site.register_blueprint(Blueprint("plugin", __name__, template_folder=str(tmp_path)))
    with site.test_request_context("/"):
        text = render_flexmeasures_template(
            "some_page.html", page="x", user_name="x", show_datepicker="yes", mine="this"
        )
    values = dict(line.split("=", 1) for line in text.splitlines())
    assert values["page"] == "some_page"
    assert values["user_name"] == ""
    assert values["show_datepicker"] == "yes"
    assert values["mine"] == "this"
    assert values["user_is_logged_in"] == "False"
    assert '"renderer"' in values["chart_options"].replace("&#34;", '"')


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'kWh of EV' | capitalize", "KWh of EV"),
        ("'battery' | pluralize", "batteries"),
        ("'Acme Inc.' | parameterize", "acme_inc"),
        ("[1, 2] | zip([3, 4]) | list", "[(1, 3), (2, 4)]"),
        ("none | isnull, 0 | isnull", "(True, False)"),
        ("'one-way_evse' | asset_icon", "icon-charging_station"),
        ("'wind speed' | asset_icon", "wi wi-strong-wind"),
        ("'irradiance' | asset_icon", "wi wi-horizon-alt"),
        ("'solar' | asset_icon", "icon-solar"),
        ("123456 | accountname", ""),
        ("123456 | username", ""),
        ("quarter | naturalized_timedelta", "15 minutes"),
        ("none | naturalized_datetime", "never"),
        ("nan | hide_nan_if_desired", "nan"),
        ("FLEXMEASURES_PLATFORM_NAME", "FlexMeasures"),
        ("FLEXMEASURES_MODE", "test"),
        ("1 if documentation_exists else 0", "0"),
    ],
)
def test_filters_and_globals(site: Flask, world: World, expression: str, expected: str) -> None:
    with site.test_request_context("/"):
        text = render_template_string(
            f"{{% do [] %}}{{{{ {expression} }}}}",
            quarter=timedelta(minutes=15),
            nan=float("nan"),
        )
    assert text == expected


@pytest.mark.parametrize(("value", "shown"), [(float("nan"), ""), ("nan%", ""), (1.5, "1.5")])
def test_numbers_that_are_none_can_be_hidden(site: Flask, value: Any, shown: str) -> None:
    site.config["FLEXMEASURES_HIDE_NAN_IN_UI"] = True
    with site.test_request_context("/"):
        assert render_template_string("{{ value | hide_nan_if_desired }}", value=value) == shown


def test_the_session_keeps_who_is_logged_in(site: Flask) -> None:
    with site.test_request_context("/"):
        session.update(_user_id="x", csrf_token="y", event_starts_after="z", other=1)
        clear_session()
        assert dict(session) == {"_user_id": "x", "csrf_token": "y"}


WINDOW = "event_starts_after=2026-01-01T00:00:00%2B01:00&event_ends_before=2026-01-02T00:00:00Z"


def test_the_session_remembers_a_window(site: Flask) -> None:
    with site.test_request_context(f"/?{WINDOW}&resolution=PT1H"):
        session["_user_id"] = "somebody"
        set_time_range_for_session()
        start = render_template_string("{{ event_starts_after.isoformat() }}, {{ resolution }}")
    assert start == "2025-12-31T23:00:00+00:00, PT1H"


def test_a_window_does_not_end_before_it_starts(site: Flask) -> None:
    from werkzeug.exceptions import BadRequest

    query = "start_time=2026-01-02T00:00:00Z&end_time=2026-01-02T00:00:00Z"
    with site.test_request_context(f"/?{query}"), pytest.raises(BadRequest, match="not after end"):
        set_time_range_for_session()
    with site.test_request_context("/?start_time=x"), pytest.raises(BadRequest, match="start_time"):
        set_time_range_for_session()


def test_a_demo_takes_place_this_year(site: Flask) -> None:
    site.config["FLEXMEASURES_MODE"] = "demo"
    query = "start_time=2015-12-30T00:00:00Z&end_time=2016-02-29T00:00:00Z"
    with site.test_request_context(f"/?{query}"):
        set_time_range_for_session()
        year = datetime.now(timezone.utc).year
        assert session["start_time"].startswith(f"{year}-02-2")
        assert session["end_time"].startswith(f"{year}-12-30")


def test_a_plugin_may_have_the_first_page(app: Flask) -> None:
    from flask_security import Security  # noqa: F401  # set up by the app

    site = create(env="testing")
    other = Flask("other")
    other.config.update(site.config)
    other.url_map.converters = site.url_map.converters
    other.add_url_rule("/", endpoint="plugin", view_func=lambda: "mine")
    register_at(other)
    assert [rule.endpoint for rule in other.url_map.iter_rules() if rule.rule == "/"] == ["plugin"]


@pytest.mark.parametrize(
    ("accepted", "kind"), [("text/html", "text/html"), ("application/json",) * 2]
)
def test_a_template_that_is_missing(site: Flask, accepted: str, kind: str) -> None:
    site.add_url_rule("/broken", view_func=lambda: render_flexmeasures_template("none.html"))
    answer = site.test_client().get("/broken", headers={"Accept": accepted})
    assert (answer.status_code, answer.mimetype) == (404, kind)
    if kind == "text/html":
        assert "The page you are looking for cannot be found." in answer.text


def test_a_plugin_replaces_error_pages(site: Flask) -> None:
    site.NotFound_handler_html = lambda error: ("Mine", 404)  # type: ignore[attr-defined]
    answer = site.test_client().get("/nonsense", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.text) == (404, "Mine")
