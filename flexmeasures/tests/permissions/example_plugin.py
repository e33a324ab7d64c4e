"""A blueprint as plugins have them, with views behind each way to protect one."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from flask_security import auth_required, auth_token_required, login_required, roles_accepted
from webargs.flaskparser import use_kwargs

from flexmeasures.auth import decorators
from flexmeasures.data.schemas import AssetIdField, SensorIdField

example = Blueprint("example", __name__, url_prefix="/example")

OBJECTS = {"assets": AssetIdField, "sensors": SensorIdField}
METHODS = {"GET": "read", "POST": "create-children", "PATCH": "update", "DELETE": "delete"}


def _hello(**_: Any) -> dict[str, Any]:
    return {"hello": "you"}


def _protected(kind: str, permission: str) -> Any:
    view = decorators.permission_required_for_context(permission, arg_name="item")(_hello)
    view = use_kwargs({"item": OBJECTS[kind](data_key="id")}, location="path")(view)
    return auth_required()(view)


for kind in OBJECTS:
    for method, permission in METHODS.items():
        example.add_url_rule(
            f"/{kind}/<id>",
            endpoint=f"{method} {kind}",
            view_func=_protected(kind, permission),
            methods=[method],
        )

VIEWS = {
    "public": lambda view: view,
    "page": login_required,
    "token": auth_token_required,
    "library-role": roles_accepted("task-runner"),
    "one-role": decorators.roles_accepted("task-runner", "account-admin"),
    "both-roles": decorators.roles_required("task-runner", "account-admin"),
    "one-account-role": decorators.account_roles_accepted("Prosumer", "ESCO"),
    "both-account-roles": decorators.account_roles_required("Prosumer", "ESCO"),
    "no-such-permission": decorators.permission_required_for_context(
        "paint", arg_loader=lambda: None
    ),
    "nothing": decorators.permission_required_for_context("read", arg_loader=lambda: None),
    "no-access-list": decorators.permission_required_for_context("read", arg_loader=dict),
}
for path, protect in VIEWS.items():
    example.add_url_rule(f"/{path}", endpoint=path, view_func=protect(_hello))
example.add_url_rule(
    "/form", endpoint="form", view_func=login_required(_hello), methods=["GET", "POST"]
)
