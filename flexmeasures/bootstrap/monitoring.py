"""Sentry collects errors of servers, and what `flexmeasures monitor` finds."""

from __future__ import annotations

import logging

import flexmeasures
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.bootstrap.exceptions import ConfigurationError

log = logging.getLogger(__name__)

_WITHOUT = ("development", "documentation", "testing")


def set_up_sentry(app: FlexMeasures) -> None:
    """Send errors to Sentry, if SENTRY_DSN says where it is; never from where code is written.

    Raises ConfigurationError.
    """
    if app.env in _WITHOUT:
        return
    dsn = app.config["SENTRY_DSN"]
    if not dsn:
        log.info("Sentry is not set up, as there is no SENTRY_DSN.")
        return
    import sentry_sdk
    from sentry_sdk.integrations.flask import FlaskIntegration
    from sentry_sdk.integrations.rq import RqIntegration
    from sentry_sdk.utils import BadDsn

    options = {
        "integrations": [FlaskIntegration(), RqIntegration()],
        "debug": app.debug,
        "release": f"flexmeasures@{flexmeasures.__version__}",
        "environment": app.env,
    }
    try:
        sentry_sdk.init(dsn=dsn, **(options | app.config["FLEXMEASURES_SENTRY_CONFIG"]))
    except BadDsn as error:
        raise ConfigurationError(f"SENTRY_DSN cannot be used: {error}.") from error
    except TypeError as error:  # an option that there is not
        raise ConfigurationError(f"FLEXMEASURES_SENTRY_CONFIG cannot be used: {error}.") from error
    sentry_sdk.set_tag("mode", app.config["FLEXMEASURES_MODE"])
    sentry_sdk.set_tag("platform-name", str(app.config["FLEXMEASURES_PLATFORM_NAME"]))
