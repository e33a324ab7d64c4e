"""Settings: defaults of the environment < config file < environment variables."""

from __future__ import annotations

import contextlib
import copy
import logging
import os
import sys
import traceback
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import flask.cli
from flask.helpers import get_load_dotenv

from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.bootstrap.exceptions import ConfigurationError
from flexmeasures.bootstrap.logs import set_format, set_level
from flexmeasures.bootstrap.variables import parse, settings_from_variables
from flexmeasures.utils.config_defaults import ENVIRONMENTS, Config, LocalConfig

log = logging.getLogger(__name__)

_FILE_NAME = "flexmeasures.cfg"
_CONSEQUENCES_OF_MISSING = {
    (
        "MAIL_SERVER",
        "MAIL_PORT",
        "MAIL_USE_TLS",
        "MAIL_USE_SSL",
        "MAIL_USERNAME",
        "MAIL_DEFAULT_SENDER",
        "MAIL_PASSWORD",
    ): "Without complete mail settings, FlexMeasures will not be able to send mails to users,"
    " e.g. for password resets!",
    # A Redis server without a password is complete, too.
    (
        "FLEXMEASURES_REDIS_URL",
        "FLEXMEASURES_REDIS_PORT",
        "FLEXMEASURES_REDIS_DB_NR",
    ): "Without complete redis connection settings, FlexMeasures will not be able to run"
    " forecasting and scheduling job queues.",
}


@dataclass(frozen=True)
class Settings:
    """All settings, and where they come from.

    env : name of the environment
    local : whether FlexMeasures brings its own database, because none is configured
    file : the config file that was read, if any
    """

    env: str
    local: bool
    file: Path | None
    values: dict[str, Any]


def configure(app: FlexMeasures, env: str | None = None, path: str | None = None) -> None:
    """Give the app its settings, and log lines their level. Raises ConfigurationError."""
    settings = read_settings(env, path, Path(app.instance_path))
    app.config.from_mapping(settings.values)
    app.config["ENV"] = settings.env
    app.config["LOCAL_MODE"] = settings.local
    app.config["START_TIME"] = datetime.now(timezone.utc)
    app.env = settings.env
    app.testing = settings.env == "testing"
    set_level(app.config["LOGGING_LEVEL"])
    set_format(app.config["FLEXMEASURES_LOG_FORMAT"])
    if settings.file:
        log.info("Loading config from %s ...", settings.file)
    elif not app.testing:
        log.info("No config file found (work dir is %s).", Path.cwd())


def read_settings(env: str | None, path: str | None, instance_path: Path) -> Settings:
    """Read defaults, file and variables, and decide on the environment. Raises ConfigurationError.

    env : environment asked for; None: from FLEXMEASURES_ENV or FLASK_ENV
    path : config file asked for; None: in the home folder, else in the instance folder
    """
    env = env or os.environ.get("FLEXMEASURES_ENV") or os.environ.get("FLASK_ENV") or None
    if env is not None and env not in ENVIRONMENTS:
        raise ConfigurationError(
            'Flask(flexmeasures) environment needs to be either "documentation", "development",'
            f' "testing", "staging" or "production". It currently is "{env}".'
        )
    if env == "testing":
        return Settings(env, False, None, _defaults(ENVIRONMENTS[env]) | _test_database())

    file = _find_file(path, instance_path)
    given = (_settings_from_file(file) if file else {}) | settings_from_variables(os.environ)
    # The option --debug of commands arrives in this variable, and is the last word.
    if "FLASK_DEBUG" in os.environ:
        given["DEBUG"] = parse("FLASK_DEBUG", os.environ["FLASK_DEBUG"], bool)

    has_database = bool(given.get("SQLALCHEMY_DATABASE_URI"))
    # A server that says it is public must not start on an empty database of its own by mistake.
    local = not has_database and env in (None, "development")
    if local:
        # Before `given`, so that a Redis server that is configured is used.
        given = {"FLEXMEASURES_REDIS_URL": None} | given
    elif not has_database and env != "documentation":
        raise _missing_database(file, instance_path)
    if local and env is None:
        env, defaults = "development", _defaults(LocalConfig)
    else:
        env = env or "production"
        defaults = _defaults(ENVIRONMENTS[env])
    return Settings(env, local, file, defaults | given)


def configured_plugins() -> list[str]:
    """Plugins named in file or variables, without creating an app. Raises ConfigurationError."""
    load_dotenv()
    values = read_settings(None, None, Path(FlexMeasures().instance_path)).values
    return values["FLEXMEASURES_PLUGINS"] or values.get("FLEXMEASURES_PLUGIN_PATHS") or []


def warn_of_missing(app: FlexMeasures) -> None:
    """Say on stderr which services lack settings, and what will not work therefore."""
    if app.config["ENV"] in ("testing", "documentation"):
        return
    for names, consequence in _CONSEQUENCES_OF_MISSING.items():
        missing = [name for name in names if app.config.get(name) is None]
        if app.config["LOCAL_MODE"] and "FLEXMEASURES_REDIS_URL" in missing:
            continue  # it brings its own
        if missing:
            print(
                f"Warning: {consequence}\nYou might consider setting {', '.join(missing)}.",
                file=sys.stderr,
            )


def load_dotenv() -> None:
    """Set variables from `.env` and `.flaskenv`, found from the working directory upwards.

    Variables that are set keep their value, and `.env` goes before `.flaskenv`.
    """
    if get_load_dotenv():
        flask.cli.load_dotenv()


def _defaults(defaults: type[Config]) -> dict[str, Any]:
    """Copies, so that an app that changes a list does not change it for the next app."""
    return {
        name: copy.deepcopy(getattr(defaults, name)) for name in dir(defaults) if name.isupper()
    }


def _test_database() -> dict[str, str]:
    uri = os.environ.get("SQLALCHEMY_TEST_DATABASE_URI")
    return {"SQLALCHEMY_DATABASE_URI": uri} if uri else {}


def _usual_files(instance_path: Path) -> list[Path]:
    files = [instance_path / _FILE_NAME]
    with contextlib.suppress(RuntimeError):  # some users of containers have no home
        files.insert(0, Path.home() / f".{_FILE_NAME}")
    return files


def _find_file(path: str | None, instance_path: Path) -> Path | None:
    if path is not None:
        if not Path(path).is_file():
            raise ConfigurationError(f"Cannot find config file {path}!")
        return Path(path).absolute()
    return next((file for file in _usual_files(instance_path) if file.is_file()), None)


def _settings_from_file(file: Path) -> dict[str, Any]:
    """Run a Python file; its upper-case names are the settings."""
    settings = flask.Config(str(file.parent))
    try:
        settings.from_pyfile(str(file))
    except Exception as error:
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == str(file)
        ]
        line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
        place = f" in line {line}" if line else ""
        raise ConfigurationError(
            f"Cannot read config file {file}: {type(error).__name__}{place}: {error}"
        ) from error
    return dict(settings)


def _missing_database(file: Path | None, instance_path: Path) -> ConfigurationError:
    if file is None:
        files = " or ".join(str(usual) for usual in _usual_files(instance_path))
        remedy = (
            "You can provide these settings as environment variables or in your config file"
            f" (e.g. {files})."
        )
    else:
        remedy = f"Please provide these settings in your config file ({file})."
    return ConfigurationError(
        "Missing the required configuration settings: SQLALCHEMY_DATABASE_URI\n"
        f"{remedy}\nWithout FLASK_ENV, FlexMeasures brings a database of its own."
    )
