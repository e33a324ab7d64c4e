"""Access tokens, for an address and a password."""

from __future__ import annotations

from typing import Any, TypeGuard

from flask import current_app, request
from flask.typing import ResponseReturnValue
from flask_security import current_user, hash_password
from marshmallow import Schema, fields

from flexmeasures.api.common.describe import answers, takes
from flexmeasures.api.common.responses import with_status
from flexmeasures.auth.csrf import exempt_from_csrf
from flexmeasures.auth.throttle import LogInAttempt
from flexmeasures.data.config import db
from flexmeasures.data.models.user import User
from flexmeasures.data.services.users import find_user_by_email


class TokenRequest(Schema):
    email = fields.String(required=True, metadata={"example": "ann@example.com"})
    password = fields.String(
        required=True,
        metadata={
            "description": "May be left out if the request comes with a session of that user.",
            "example": "a long pass phrase",
        },
    )


class TokenSchema(Schema):
    auth_token = fields.String(
        required=True, metadata={"description": "To send along.", "example": "WyI1Zj...rLNX4"}
    )
    user_id = fields.Integer(required=True, metadata={"example": 1})


class RefusedTokenSchema(Schema):
    errors = fields.List(
        fields.String(), required=True, metadata={"example": ["User password does not match."]}
    )


@answers(200, TokenSchema(), "The token.", repeats_status=True)
@answers(400, RefusedTokenSchema(), "Something is missing.", repeats_status=True)
@answers(401, RefusedTokenSchema(), "Address and password do not match.", repeats_status=True)
@takes("json", TokenRequest)
@exempt_from_csrf
def request_auth_token() -> ResponseReturnValue:
    """Get an access token.

    Somebody who has a session needs no password. Unknown addresses and wrong passwords are told
    apart by nothing, and too many of them are refused (429).

    .. :quickref: Public; Obtain an authentication token
    """
    if not request.is_json:
        return _error("Content-type of request must be application/json", 400)
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        return _error("The body of the request is no JSON object.", 400)
    email, password = body.get("email"), body.get("password")
    if not _is_text(email):
        return _error("Please provide the 'email' parameter.", 400)
    if "password" not in body and _has_session_of(email):
        return _token_of(current_user)
    if not _is_text(password):
        return _error("Please provide the 'password' parameter.", 400)
    user = _authenticate(email, password)
    return _error("User password does not match.", 401) if user is None else _token_of(user)


def _authenticate(email: str, password: str) -> User | None:
    """The user with this address and password; else None, after the same amount of work."""
    attempt = LogInAttempt(email)
    user = find_user_by_email(email)
    normalised = current_app.extensions["security"].password_util.normalize(password)
    if user is None or not user.password:
        hash_password(normalised)
        return None
    if not user.verify_and_update_password(normalised):
        return None
    attempt.succeeded()
    db.session.commit()  # the password may have got a newer hash
    return user


def _has_session_of(email: str) -> bool:
    return bool(current_user.is_authenticated and current_user.email == email)


def _token_of(user: User) -> ResponseReturnValue:
    return with_status({"auth_token": user.get_auth_token(), "user_id": user.id})


def _error(text: str, code: int) -> ResponseReturnValue:
    return with_status({"errors": [text]}, code)


def _is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value.strip())
