"""Who sends an access token along."""

from __future__ import annotations

from flask import Request, current_app
from flask_security.utils import parse_auth_token, set_request_attr
from itsdangerous import BadData

from flexmeasures.data.models.user import User

_KEY = "flexmeasures.user_of_token"


def user_of_token(request: Request) -> User | None:
    """The active user whose valid token comes with the request; read once per request.

    A token in a JSON body goes before one in the query, and that before one in the header.
    """
    if _KEY not in request.environ:
        request.environ[_KEY] = _read(_find_token(request))
    user: User | None = request.environ[_KEY]
    return user


def _find_token(request: Request) -> str | None:
    config = current_app.config
    key = config["SECURITY_TOKEN_AUTHENTICATION_KEY"]
    header = request.headers.get(config["SECURITY_TOKEN_AUTHENTICATION_HEADER"])
    token = request.args.get(key, header)
    if request.is_json:
        body = request.get_json(silent=True)
        if isinstance(body, dict):
            token = body.get(key, token)
    return token if isinstance(token, str) else None


def _read(token: str | None) -> User | None:
    if not token:
        return None
    try:
        content = parse_auth_token(token)
    except (BadData, ValueError):  # not ours, changed, or too old
        return None
    datastore = current_app.extensions["security"].datastore
    user: User | None = datastore.find_user(fs_uniquifier=content["uid"])
    if user is None or not user.active:
        return None
    set_request_attr("fs_authn_via", "token")
    set_request_attr("fs_paa", content.get("fs_paa", 0))
    return user
