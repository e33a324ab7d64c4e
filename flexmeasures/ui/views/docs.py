"""The documentation, if it was built."""

from __future__ import annotations

from flask import redirect, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from flexmeasures.ui.utils.view_utils import DOCUMENTATION, documentation_exists


def docs_view() -> ResponseReturnValue:
    if not documentation_exists():
        raise NotFound("This server does not have the documentation.")
    return redirect(url_for("flexmeasures_ui.static", filename=DOCUMENTATION))
