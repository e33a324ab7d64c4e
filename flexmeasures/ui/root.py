"""Which page is the first one."""

from __future__ import annotations

import logging

from flask import redirect, request
from flask.typing import ResponseReturnValue

from flexmeasures.ui.utils.settings import first_applicable

logger = logging.getLogger(__name__)

_DEFAULT = "dashboard"


def root_dispatcher() -> ResponseReturnValue:
    """Send on to the page that the setting FLEXMEASURES_ROOT_VIEW names, with the query."""
    page = (first_applicable("FLEXMEASURES_ROOT_VIEW") or "").strip("/") or _DEFAULT
    logger.info("Redirecting root view to %s ...", page)
    query = request.query_string.decode()
    return redirect(f"/{page}" + (f"?{query}" if query else ""))
