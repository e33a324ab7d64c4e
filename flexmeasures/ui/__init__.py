"""Pages for people."""

from __future__ import annotations

from flask import Blueprint, Flask
from flask.typing import ResponseReturnValue

from flexmeasures.ui.crud import accounts, assets, users
from flexmeasures.ui.error_pages import add_error_pages
from flexmeasures.ui.root import root_dispatcher
from flexmeasures.ui.static_files import BlueprintWithVersions, SessionsWithoutFiles
from flexmeasures.ui.templating import set_up_templates
from flexmeasures.ui.views import (
    control,
    dashboard,
    docs,
    logged_in_user,
    sensors,
    tasks,
    upload,
)

flexmeasures_ui: Blueprint = BlueprintWithVersions(
    "flexmeasures_ui",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/ui/static",
)
flexmeasures_ui.get("/dashboard")(dashboard.dashboard_view)
flexmeasures_ui.get("/dashboard/state/<id:id>")(dashboard.asset_state_view)
flexmeasures_ui.route("/control", methods=["GET", "POST"])(control.control_view)
flexmeasures_ui.get("/docs")(docs.docs_view)
flexmeasures_ui.get("/logged-in-user")(logged_in_user.logged_in_user_view)
flexmeasures_ui.get("/upload")(upload.upload_view)
flexmeasures_ui.get("/upload/<id:id>")(upload.upload_to_sensor_view)


def register_at(app: Flask) -> None:
    """After plugins, so that a page or template of theirs goes before ours of the same name."""
    app.session_interface = SessionsWithoutFiles()
    app.register_blueprint(flexmeasures_ui)
    users.register_at(app)
    accounts.register_at(app)
    tasks.register_at(app)
    assets.register_at(app)
    sensors.register_at(app)
    app.add_url_rule("/favicon.ico", view_func=favicon)
    if not any(rule.rule == "/" for rule in app.url_map.iter_rules()):
        app.add_url_rule("/", view_func=root_dispatcher)
    set_up_templates(app)
    add_error_pages(app)


def favicon() -> ResponseReturnValue:
    response = flexmeasures_ui.send_static_file("favicon.ico")
    response.content_type = "image/vnd.microsoft.icon"
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response
