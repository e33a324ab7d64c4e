"""Forms of the pages about passwords."""

from __future__ import annotations

import re
from typing import Any

from flask_security import Form
from flask_security import LoginForm as _LoginForm
from flask_security import VerifyForm as _VerifyForm
from flask_security.forms import EmailValidation
from wtforms import EmailField, SubmitField
from wtforms.validators import DataRequired

from flexmeasures.auth.throttle import LogInAttempt


class LoginForm(_LoginForm):
    submit = SubmitField("Login")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_own_path(self.next.data or ""):
            self.next.data = ""  # a link that was tampered with should not keep anybody out

    def validate(self, **kwargs: Any) -> bool:
        attempt = LogInAttempt(str(self.email.data or ""))
        valid = super().validate(**kwargs)
        if valid:
            attempt.succeeded()
        return valid


class VerifyForm(_VerifyForm):
    """The password of the user who is logged in, once more."""

    def validate(self, **kwargs: Any) -> bool:
        attempt = LogInAttempt(self.user.email)
        valid = super().validate(**kwargs)
        if valid:
            attempt.succeeded()
        return valid


class ForgotPasswordForm(Form):
    """Asks for an address, and nobody whether it is known."""

    email = EmailField(
        "Email Address",
        validators=[DataRequired("Email not provided"), EmailValidation(verify=False)],
        render_kw={"autocomplete": "email"},
    )
    submit = SubmitField("Recover Password")


def is_own_path(url: str) -> bool:
    """Does it lead to this site, however a browser reads it? (Backslashes are slashes to them.)"""
    return re.match(r"/(?![/\\])[^\x00-\x1f]*$", url) is not None
