from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk

import flexmeasures
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.bootstrap.exceptions import ConfigurationError
from flexmeasures.bootstrap.monitoring import set_up_sentry
from flexmeasures.utils.config_defaults import Config

DSN = "https://key@sentry.invalid/1"


@pytest.fixture(autouse=True)
def sentry() -> Iterator[None]:
    before = sentry_sdk.get_global_scope().client
    sentry_sdk.get_global_scope().set_client(None)
    yield
    sentry_sdk.get_client().close(timeout=0)
    sentry_sdk.get_global_scope().set_client(before)


def server(env: str, **settings: Any) -> FlexMeasures:
    app = FlexMeasures()
    app.config.from_object(Config)
    app.config.update(settings)
    app.env = env
    return app


@pytest.mark.parametrize("env", ["production", "staging"])
def test_errors_go_to_the_address_that_is_configured(env: str) -> None:
    set_up_sentry(
        server(env, SENTRY_DSN=DSN, FLEXMEASURES_SENTRY_CONFIG={"traces_sample_rate": 0.0})
    )
    options = sentry_sdk.get_client().options
    assert options["dsn"] == DSN
    assert options["environment"] == env
    assert options["release"] == f"flexmeasures@{flexmeasures.__version__}"
    assert options["traces_sample_rate"] == 0.0


@pytest.mark.parametrize("env", ["development", "testing", "documentation"])
def test_not_from_where_code_is_written(env: str) -> None:
    set_up_sentry(server(env, SENTRY_DSN=DSN))
    assert not sentry_sdk.get_client().is_active()


def test_without_address(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        set_up_sentry(server("production"))
    assert not sentry_sdk.get_client().is_active()
    assert "there is no SENTRY_DSN" in caplog.text


@pytest.mark.parametrize(
    ("name", "value"),
    [("SENTRY_DSN", "nonsense"), ("FLEXMEASURES_SENTRY_CONFIG", {"no_such_option": 1})],
)
def test_settings_that_cannot_be_used(name: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} cannot be used: "):
        set_up_sentry(server("production", **{"SENTRY_DSN": DSN, name: value}))
