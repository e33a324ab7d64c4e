"""Ways to a new password."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from flask import current_app, flash, jsonify, render_template, request
from flask_security.recoverable import (
    send_password_reset_notice,
    send_reset_password_instructions,
)
from werkzeug.exceptions import BadRequest, ServiceUnavailable

from flexmeasures.auth.error_handling import wants_json
from flexmeasures.auth.forms import ForgotPasswordForm
from flexmeasures.auth.mail import do_later, wait_for_letters
from flexmeasures.auth.throttle import count_reset_request
from flexmeasures.data.services.users import find_user_by_email, set_random_password

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from flexmeasures.data.models.user import User

logger = logging.getLogger(__name__)


def forgot_password() -> ResponseReturnValue:
    """Mail a link to whoever has this address, if anybody has. Nobody can see which it was."""
    form = ForgotPasswordForm()
    if form.validate_on_submit():
        email = str(form.email.data)
        count_reset_request(email)
        check_host()
        send = partial(_send_link, email, request.url_root)
        do_later(send, "A link to reset a password could not be mailed.")
        if wants_json():
            return jsonify(meta={"code": 200}, response={})
        flash(f"Instructions to reset your password have been sent to {email}.", "info")
    elif request.method == "POST" and wants_json():
        return jsonify(meta={"code": 400}, response={"field_errors": form.errors}), 400
    template = current_app.config["SECURITY_FORGOT_PASSWORD_TEMPLATE"]
    return render_template(template, forgot_password_form=form)


def _send_link(email: str, url_root: str) -> None:
    user = find_user_by_email(email)
    if user is None or not user.active:
        return
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    with app.test_request_context(base_url=url_root):
        send_reset_password_instructions(user)


def reset_password_of(user: User) -> None:
    """Give the user a random password, end sessions and tokens, and mail a notice and a link.

    The caller commits. Raises ServiceUnavailable if mail cannot be sent.
    """
    check_host()
    set_random_password(user)
    send_password_reset_notice(user)
    send_reset_password_instructions(user)
    try:
        wait_for_letters()
    except OSError as error:
        raise ServiceUnavailable(
            "The password stays as it was, since no mail can be sent now. Please try again later.",
            retry_after=60,
        ) from error


def check_host() -> None:
    """Links in mails lead to the host that the request names: is that ours, or a trap?

    Raises BadRequest.
    """
    if not current_app.https_only:  # type: ignore[attr-defined]
        return
    known = [*(current_app.config["TRUSTED_HOSTS"] or ())]
    known += current_app.config["FLEXMEASURES_HOSTS_AND_AUTH_START"]
    host = request.host.partition(":")[0].removeprefix("www.")
    if any(host == name or (name[:1] == "." and f".{host}".endswith(name)) for name in known):
        return
    logger.error(
        "No link was mailed, as it would lead to %r. If that is this server, say so in the setting"
        " TRUSTED_HOSTS or FLEXMEASURES_HOSTS_AND_AUTH_START.",
        host,
    )
    raise BadRequest("This server does not mail links that lead to this host name.")
