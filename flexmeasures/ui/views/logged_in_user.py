"""The page of a user about themself."""

from __future__ import annotations

import humanize
from flask import current_app
from flask.typing import ResponseReturnValue
from flask_security import current_user, login_required

from flexmeasures.data.services.accounts import get_number_of_assets_in_account
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template


@login_required
def logged_in_user_view() -> ResponseReturnValue:
    page = render_flexmeasures_template(
        "admin/logged_in_user.html",
        user=current_user,
        roles=", ".join(role.name for role in current_user.roles),
        account_roles=", ".join(role.name for role in current_user.account.account_roles),
        number_of_assets=get_number_of_assets_in_account(current_user.account_id),
        token_lifetime=humanize.naturaldelta(current_app.config["SECURITY_TOKEN_MAX_AGE"]),
        access_token=None if current_user.has_role("anonymous") else current_user.get_auth_token(),
    )
    # The token is for whoever is logged in now, not for whoever finds the page later.
    return page, {"Cache-Control": "no-store"}
