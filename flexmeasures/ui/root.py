"""Which page is the first one."""

from __future__ import annotations

import logging

from flask import current_app, redirect, request
from flask.typing import ResponseReturnValue

from flexmeasures.ui.utils.settings import first_applicable

logger = logging.getLogger(__name__)

# The first one that there is, if no setting says otherwise.
_DEFAULTS = ("dashboard", "logged-in-user")


def root_dispatcher() -> ResponseReturnValue:
    """Send on to the page that the setting FLEXMEASURES_ROOT_VIEW names, with the query."""
    page = (first_applicable("FLEXMEASURES_ROOT_VIEW") or "").strip("/") or _default()
    logger.info("Redirecting root view to %s ...", page)
    query = request.query_string.decode()
    return redirect(f"/{page}" + (f"?{query}" if query else ""))


def _default() -> str:
    paths = {rule.rule.strip("/") for rule in current_app.url_map.iter_rules()}
    return next((page for page in _DEFAULTS if page in paths), _DEFAULTS[0])
