"""Plugins: modules or folders named in FLEXMEASURES_PLUGINS, whose blueprints join the app."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from flask import Blueprint, Flask, Response

from flexmeasures.bootstrap.exceptions import ConfigurationError

log = logging.getLogger(__name__)

_LEVELS = ("debug", "info", "warning", "error", "critical")


def register_plugins(app: Flask) -> None:
    """Load all plugins that are configured, in that order, and register their blueprints.

    Sets LOADED_PLUGINS: versions by name. A plugin that cannot be found is left out, with an error
    in the log. Raises ConfigurationError if one is found, but fails.
    """
    entries = (
        app.config["FLEXMEASURES_PLUGINS"] or app.config.get("FLEXMEASURES_PLUGIN_PATHS") or []
    )
    app.config["LOADED_PLUGINS"] = {}
    if not isinstance(entries, list):
        log.error(
            "The value of FLEXMEASURES_PLUGINS is not a list: %s. Cannot install plugins ...",
            entries,
        )
        return
    for entry in entries:
        _register(app, str(entry))
    _support_flask_json(app)
    if app.config["LOADED_PLUGINS"]:
        log.info("Loaded plugins: %s", app.config["LOADED_PLUGINS"])
        _tell_sentry(app.config["LOADED_PLUGINS"])


def check_config_settings(app: Flask, settings: Mapping[str, Any] | ModuleType) -> None:
    """Log which settings that a plugin lists are missing, or have another type.

    settings : by name, each with some of `description`, `level` (of the log line; error by
        default), `message_if_missing` and `parse_as` (a type); or a module with such variables
    """
    if isinstance(settings, ModuleType):
        settings = {
            name: value for name, value in vars(settings).items() if not name.startswith("_")
        }
    assert isinstance(settings, Mapping), f"{type(settings)} should be a dict or a module"
    for name, facts in settings.items():
        assert isinstance(facts, Mapping), f"{name} should be described by a dict"
        value = app.config.get(name)
        if value is None:
            _log_missing(name, facts)
        elif "parse_as" in facts and not isinstance(value, facts["parse_as"]):
            log.warning(
                "Config setting '%s' is a %s whereas a %s was expected.",
                name,
                type(value).__name__,
                facts["parse_as"].__name__,
            )


def _log_missing(name: str, facts: Mapping[str, Any]) -> None:
    text = f"Missing config setting '{name}'"
    if facts.get("description"):
        text += f" ({facts['description']})"
    text += "."
    if facts.get("message_if_missing"):
        text += f" {facts['message_if_missing']}"
    level = str(facts.get("level", "error"))
    if level not in _LEVELS:
        log.warning("Unrecognized logger level '%s' for config setting '%s'.", level, name)
        level = "error"
    getattr(log, level)(text)


def _register(app: Flask, entry: str) -> None:
    name = Path(entry).name
    try:
        plugin = _load(name, entry)
        if plugin is None:
            return
        check_config_settings(app, getattr(plugin, "__settings__", {}))
        blueprints = [
            value for _, value in sorted(vars(plugin).items()) if isinstance(value, Blueprint)
        ]
        for blueprint in dict.fromkeys(blueprints):
            app.register_blueprint(blueprint)
    except Exception as error:
        log.debug("Plugin %s failed.", name, exc_info=True)
        raise ConfigurationError(
            f"Plugin {name} ({entry}) cannot be loaded: {_told(error)}\n"
            "To do without it, take it out of FLEXMEASURES_PLUGINS."
        ) from error
    if not blueprints:
        log.warning("No blueprints found for plugin %s at %s.", name, entry)
        return
    app.config["LOADED_PLUGINS"][name] = str(getattr(plugin, "__version__", "0.1"))


def _load(name: str, entry: str) -> ModuleType | None:
    path = Path(entry).expanduser()
    if path.exists():
        file = path / "__init__.py"
        if file.is_file():
            return _load_file(name, file.resolve())
        log.error(
            "%s is a valid file path, but does not contain an '__init__.py' file."
            " Cannot load plugin %s.",
            entry,
            name,
        )
        return None
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise  # something that the plugin needs
        log.error(
            "Attempted to import module %s (as it is not a valid file path), but it is not"
            " installed.",
            name,
        )
        return None


def _load_file(name: str, file: Path) -> ModuleType:
    """Run it as a package, whatever its name; anew, also if there is a module of that name.

    Not if modules of that package have been imported already, by tests or for another app: their
    views and tables belong to what it made then.
    """
    if name == "flexmeasures" or name in sys.stdlib_module_names:
        raise ImportError(f"There is a module {name} that others need. Give it another name.")
    before = _modules_of(name)
    if len(before) > 1 and _is_made_of(before.get(name), file):
        return before[name]
    spec = importlib.util.spec_from_file_location(
        name, file, submodule_search_locations=[str(file.parent)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    for key in before:
        del sys.modules[key]
    sys.modules[name] = module  # so that its modules can import each other
    try:
        spec.loader.exec_module(module)
    except BaseException:
        for key in _modules_of(name):
            del sys.modules[key]
        sys.modules.update(before)
        raise
    return module


def _is_made_of(module: ModuleType | None, file: Path) -> bool:
    path = getattr(module, "__file__", None)
    return path is not None and Path(path).resolve() == file


def _modules_of(name: str) -> dict[str, ModuleType]:
    """What is imported of the package of that name, by name."""
    return {
        key: module
        for key, module in list(sys.modules.items())
        if key == name or key.startswith(f"{name}.")
    }


def _told(error: Exception) -> str:
    """What went wrong, and where."""
    frames = traceback.extract_tb(error.__traceback__)
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError) or not frames:
        return text
    return f"{text} (line {frames[-1].lineno} of {frames[-1].filename})"


def _support_flask_json(app: Flask) -> None:
    """Errors that plugins raise with Flask-JSON become answers, as its extension would do.

    The extension itself would replace the way in which our answers are written.
    """
    if "flask_json" not in sys.modules:
        return
    from flask_json import JsonError, json_response

    @app.errorhandler(JsonError)
    def tell(error: JsonError) -> Response:
        return json_response(error.status, error.headers, **error.data)


def _tell_sentry(versions: Mapping[str, str]) -> None:
    sentry = sys.modules.get("sentry_sdk")  # it is there if errors are sent to it
    if sentry is not None:
        sentry.set_context("plugins", dict(versions))
