"""Attributes of assets and sensors that mean more than others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_security import current_user
from werkzeug.exceptions import Forbidden

from flexmeasures.auth.policy import ADMIN_ROLE

_SCHEDULER = "custom-scheduler"


def check_scheduler(fields: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """Raise Forbidden unless the caller may choose a scheduler: it is code that our workers run.

    fields : what is sent, with or without `attributes`
    before : the attributes until now
    """
    if "attributes" not in fields or current_user.has_role(ADMIN_ROLE):
        return
    if fields["attributes"].get(_SCHEDULER) != before.get(_SCHEDULER):
        raise Forbidden(f"Only admins decide on the attribute {_SCHEDULER}.")
