"""Versions of the API that are gone: clients that still call them are told where to go."""

from __future__ import annotations

from typing import NoReturn

from flask import Blueprint
from werkzeug.exceptions import Gone

from flexmeasures.api.common.utils.deprecation_utils import deprecate_blueprint, sunset_blueprint
from flexmeasures.auth.csrf import exempt_from_csrf

_DOCUMENTATION = "https://flexmeasures.readthedocs.io/en"

# Paths and methods by the version that brought them; 1.3 brought none.
_PATHS_1_0 = {"getMeterData": ("GET", "POST"), "postMeterData": ("POST",), "getService": ("GET",)}
_PATHS_1_1 = _PATHS_1_0 | {
    "getConnection": ("GET",),
    "postPriceData": ("POST",),
    "postWeatherData": ("POST",),
    "getPrognosis": ("GET",),
    "postPrognosis": ("POST",),
}
_PATHS_1_2 = _PATHS_1_1 | {"getDeviceMessage": ("GET",), "postUdiEvent": ("POST",)}
_PATHS_2_0 = _PATHS_1_2 | {
    "assets": ("GET", "POST"),
    "asset/<id>": ("GET", "PATCH", "DELETE"),
    "users": ("GET",),
    "user/<id>": ("GET", "PATCH"),
    "user/<id>/password-reset": ("PATCH",),
}
_VERSIONS = {
    "1.0": ("v1", _PATHS_1_0),
    "1.1": ("v1_1", _PATHS_1_1),
    "1.2": ("v1_2", _PATHS_1_2),
    "1.3": ("v1_3", _PATHS_1_2),
    "2.0": ("v2_0", _PATHS_2_0),
}


def blueprints() -> list[Blueprint]:
    """One for each version."""
    return [_version(number, name, paths) for number, (name, paths) in _VERSIONS.items()]


def _version(number: str, name: str, paths: dict[str, tuple[str, ...]]) -> Blueprint:
    version = Blueprint(f"flexmeasures_api_{name}", __name__, url_prefix=f"/api/{name}")
    sunset_link = f"{_DOCUMENTATION}/v0.13.0/api/{name}.html"
    page = "introduction.html#deprecation-and-sunset" if name == "v1" else f"{name}.html"
    sunset_blueprint(version, number, sunset_link, rollback_possible=False)
    deprecate_blueprint(
        version,
        deprecation_date="2022-12-14",
        deprecation_link=f"{_DOCUMENTATION}/latest/api/{page}",
        sunset_date="2023-05-01",
        sunset_link=sunset_link,
    )
    for path, methods in paths.items():
        endpoint = path.replace("/", "_").replace("<id>", "id")
        version.add_url_rule(f"/{path}", endpoint, _gone, methods=methods)
    return version


@exempt_from_csrf
def _gone(**_: str) -> NoReturn:
    """Not part of the API any more."""
    raise Gone  # the blueprint answers before, and says more
