"""A plugin in a package: blueprints for endpoints, pages and commands, and a scheduler."""

from __future__ import annotations

from importlib.metadata import version

from flask import Blueprint

from . import __settings__ as __settings__

__version__ = version("energy-service")

api_bp = Blueprint("energy service API", __name__, url_prefix="/energy-service/api")
pages_bp = Blueprint(
    "energy service pages", __name__, url_prefix="/energy-service", template_folder="templates"
)
commands_bp = Blueprint("energy service commands", __name__, cli_group="energy-service")

from . import commands, views  # noqa: E402, F401
