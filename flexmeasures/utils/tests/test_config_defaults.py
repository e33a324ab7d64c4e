from __future__ import annotations

import ast
import inspect
from datetime import timedelta
from typing import get_type_hints

import pytest

from flexmeasures.utils import config_defaults
from flexmeasures.utils.config_defaults import ENVIRONMENTS, Config


def test_every_setting_has_a_type_and_a_line_of_documentation() -> None:
    module = ast.parse(inspect.getsource(config_defaults))
    for class_ in (node for node in module.body if isinstance(node, ast.ClassDef)):
        for setting, line in zip(class_.body, class_.body[1:], strict=False):
            if isinstance(setting, ast.AnnAssign):
                assert isinstance(setting.target, ast.Name)
                if class_.name != "Config" and hasattr(Config, setting.target.id):
                    continue  # documented there
                assert isinstance(line, ast.Expr), setting.target.id
                assert isinstance(line.value, ast.Constant), setting.target.id
                assert "\n" not in str(line.value.value)
    untyped = {name for name in vars(Config) if name.isupper()} - set(get_type_hints(Config))
    assert not untyped


@pytest.mark.parametrize(
    ("env", "name", "value"),
    [
        ("production", "LOGGING_LEVEL", 40),
        ("staging", "LOGGING_LEVEL", 30),
        ("development", "LOGGING_LEVEL", 10),
        ("development", "DEBUG", True),
        ("production", "DEBUG", False),
        ("production", "SECURITY_TOKEN_MAX_AGE", 21600),
        ("production", "SECURITY_TOKEN_AUTHENTICATION_HEADER", "Authorization"),
        ("production", "SECURITY_PASSWORD_HASH", "bcrypt"),
        ("production", "FLEXMEASURES_TIMEZONE", "Asia/Seoul"),
        ("production", "FLEXMEASURES_PLANNING_HORIZON", timedelta(days=2)),
        ("production", "FLEXMEASURES_MAX_PLANNING_HORIZON", 2520),
        ("production", "FLEXMEASURES_LP_SOLVER", "cbc"),
        ("production", "SECRET_KEY", None),
        ("documentation", "SECRET_KEY", "dummy-key-for-documentation"),
        ("testing", "SECRET_KEY", "dummy-key-for-testing"),
        ("testing", "WTF_CSRF_ENABLED", False),
        ("testing", "FLEXMEASURES_MODE", "test"),
    ],
)
def test_documented_defaults(env: str, name: str, value: object) -> None:
    assert getattr(ENVIRONMENTS[env], name) == value


def test_sessions_of_the_database_speak_utc() -> None:
    arguments = Config.SQLALCHEMY_ENGINE_OPTIONS["connect_args"]
    assert arguments["options"] == "-c timezone=utc"
