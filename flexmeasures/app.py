"""The assembly line of the web application."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from flexmeasures import api, cli, ui
from flexmeasures.auth.security import set_up_security
from flexmeasures.bootstrap import config, extensions, logs
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.bootstrap.bodies import set_up_bodies
from flexmeasures.bootstrap.context import answer_helpers
from flexmeasures.bootstrap.exceptions import ConfigurationError
from flexmeasures.bootstrap.http_errors import set_up_error_handlers
from flexmeasures.bootstrap.https import set_up_https
from flexmeasures.bootstrap.json import set_up_json
from flexmeasures.bootstrap.limits import set_up_rate_limit
from flexmeasures.bootstrap.mail import set_up_mail
from flexmeasures.bootstrap.metrics import set_up_metrics
from flexmeasures.bootstrap.monitoring import set_up_sentry
from flexmeasures.bootstrap.plugins import register_plugins
from flexmeasures.bootstrap.requests import set_up_profiles, set_up_request_ids
from flexmeasures.bootstrap.secrets import set_secrets


def create(
    env: str | None = None,
    path_to_config: str | None = None,
    plugins: Sequence[str] | None = None,
) -> FlexMeasures:
    """Create the FlexMeasures application.

    env : development, testing, staging, documentation or production; None: from FLEXMEASURES_ENV or
        FLASK_ENV; without these, development if no database is configured, else production
    path_to_config : config file to use, instead of looking in the home and the instance folder
    plugins : names or paths of plugins to load after those that are configured

    Exits with code 2 and a message on stderr if settings are missing or cannot be used.
    """
    try:
        return _assemble(env, path_to_config, plugins)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def _assemble(
    env: str | None, path_to_config: str | None, plugins: Sequence[str] | None
) -> FlexMeasures:
    """The order can be observed, above all by plugins: keep it."""
    logs.log_to_console()
    config.load_dotenv()
    app = FlexMeasures()
    config.configure(app, env, path_to_config)
    if plugins:
        app.config["FLEXMEASURES_PLUGINS"] = [*app.config["FLEXMEASURES_PLUGINS"], *plugins]
    set_up_request_ids(app)
    set_up_metrics(app)
    set_up_json(app)
    set_up_error_handlers(app)
    set_up_sentry(app)
    set_up_mail(app)
    extensions.set_up_cors(app)
    extensions.set_up_queues(app)
    set_secrets(app)
    logs.keep_log_file(app)
    set_up_https(app)
    set_up_bodies(app)
    extensions.set_up_database(app)
    extensions.set_up_migrations(app)
    app.security = set_up_security(app)
    set_up_rate_limit(app)
    answer_helpers()
    cli.add_commands(app)
    api.register_at(app)
    register_plugins(app)
    ui.register_at(app)
    set_up_profiles(app)

    with app.app_context():
        # Other commands are not bothered: if they need mail or queues, they say so themselves.
        if cli.command_of_process() in (None, "run"):
            config.warn_of_missing(app)
    return app
