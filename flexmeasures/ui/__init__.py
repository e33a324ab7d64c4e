"""Pages for people."""

from __future__ import annotations

from flask import Blueprint, Flask

from flexmeasures.ui.error_pages import add_error_pages
from flexmeasures.ui.root import root_dispatcher
from flexmeasures.ui.utils.view_utils import page_variables
from flexmeasures.ui.views import logged_in_user

flexmeasures_ui = Blueprint(
    "flexmeasures_ui",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/ui/static",
)
flexmeasures_ui.get("/logged-in-user")(logged_in_user.logged_in_user_view)


def register_at(app: Flask) -> None:
    app.register_blueprint(flexmeasures_ui)
    app.add_url_rule("/", view_func=root_dispatcher)
    app.context_processor(page_variables)
    add_error_pages(app)
