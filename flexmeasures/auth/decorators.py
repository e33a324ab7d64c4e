"""Decorators that let views pass only those who may see them.

They serve everybody who is logged in, by token or session. Strangers are told 401, others 403.
Admins pass all checks of roles.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Response, current_app, jsonify
from flask_security import auth_required as library_auth_required
from flask_security import current_user
from werkzeug.wrappers import Response as WerkzeugResponse

from flexmeasures.auth.error_handling import unauthenticated_handler, unauthorized_handler
from flexmeasures.auth.policy import ADMIN_ROLE, check_access
from flexmeasures.utils.facts import with_fact

View = TypeVar("View", bound=Callable[..., Any])


def auth_required(*mechanisms: str) -> Callable[[View], View]:
    """Let pass who is logged in: in these ways (token, session), or in any."""

    def decorate(view: View) -> View:
        checked = library_auth_required(*mechanisms)(view)
        return cast(View, with_fact(checked, "logged in", mechanisms or ("token", "session")))

    return decorate


def permission_required_for_context(
    permission: str,
    arg_pos: int | None = None,
    arg_name: str | None = None,
    arg_loader: Callable[[], Any] | None = None,
) -> Callable[[View], View]:
    """Let pass who has this permission on the object that the view is about.

    Where the object is:

    - what `arg_loader()` returns, if given;
    - positional argument number `arg_pos`; with `arg_name` too, what is under that key in it;
    - keyword argument `arg_name`;
    - without any of these, the first positional argument.

    Below the decorators that parse the request:

        @bp.patch("/sensors/<id>")
        @use_kwargs({"sensor": SensorIdField(data_key="id")}, location="path")
        @permission_required_for_context("update", arg_name="sensor")
        def patch(sensor): ...
    """

    def find_context(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if arg_loader is not None:
            return arg_loader()
        if arg_pos is not None:
            return args[arg_pos] if arg_name is None else args[arg_pos][arg_name]
        return args[0] if arg_name is None else kwargs[arg_name]

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Any:
            check_access(find_context(args, kwargs), permission)
            return current_app.ensure_sync(view)(*args, **kwargs)

        return cast(View, with_fact(checked, "permission", permission))

    return decorate


def roles_required(*roles: str) -> Callable[[View], View]:
    """Let pass who has all of these user roles."""
    return _pass_if(lambda: all(map(current_user.has_role, roles)), roles)


def roles_accepted(*roles: str) -> Callable[[View], View]:
    """Let pass who has one of these user roles."""
    return _pass_if(lambda: any(map(current_user.has_role, roles)), roles)


def account_roles_required(*account_roles: str) -> Callable[[View], View]:
    """Let pass whose account has all of these account roles."""
    return _pass_if(lambda: all(map(current_user.account.has_role, account_roles)))


def account_roles_accepted(*account_roles: str) -> Callable[[View], View]:
    """Let pass whose account has one of these account roles.

    What the view returns becomes JSON, with the added key `status`, unless it is a response.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def with_json(*args: Any, **kwargs: Any) -> Any:
            return _as_json(current_app.ensure_sync(view)(*args, **kwargs))

        passes = _pass_if(lambda: any(map(current_user.account.has_role, account_roles)))
        return passes(cast(View, with_json))

    return decorate


def _pass_if(test: Callable[[], bool], told: tuple[str, ...] = ()) -> Callable[[View], View]:
    """Let pass who passes the test; `told` are roles that others hear about."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Any:
            if not current_user.is_authenticated:
                return unauthenticated_handler()
            if not (current_user.has_role(ADMIN_ROLE) or test()):
                return unauthorized_handler(view.__name__, told)
            return current_app.ensure_sync(view)(*args, **kwargs)

        return cast(View, checked)

    return decorate


def _as_json(returned: Any) -> Any:
    if isinstance(returned, (Response, WerkzeugResponse)):
        return returned
    body, *rest = returned if isinstance(returned, tuple) else (returned,)
    status = next((part for part in rest if isinstance(part, int)), 200)
    if isinstance(body, dict):
        body = {"status": status} | body
    response = jsonify(body)
    return (response, *rest) if rest else response
