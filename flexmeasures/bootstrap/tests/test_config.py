from __future__ import annotations

from pathlib import Path

import pytest

from flexmeasures.bootstrap import config
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.bootstrap.config import Settings, configured_plugins, read_settings
from flexmeasures.bootstrap.exceptions import ConfigurationError

URI = "postgresql://user:pw@localhost/test"


def read(
    home: Path, env: str | None = None, path: str | None = None, instance: Path | None = None
) -> Settings:
    return read_settings(env, path, instance or home / "instance")


@pytest.fixture
def database(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", URI)


def test_file_goes_before_defaults_and_variables_before_the_file(
    home: Path, database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".flexmeasures.cfg").write_text(
        "from datetime import timedelta\n"
        "MAIL_PORT = 1\n"
        "MAIL_SERVER = 'of-file'\n"
        "FLEXMEASURES_JOB_TTL = timedelta(hours=1)\n"
        "MY_OWN_SETTING = 3\n"
        "lower_case = 4\n"
    )
    monkeypatch.setenv("MAIL_PORT", "2")
    values = read(home).values
    assert values["MAIL_PORT"] == 2
    assert values["MAIL_SERVER"] == "of-file"
    assert values["FLEXMEASURES_JOB_TTL"].total_seconds() == 3600
    assert values["FLEXMEASURES_PLANNING_TTL"].days == 7
    assert values["MY_OWN_SETTING"] == 3
    assert "lower_case" not in values


def test_home_file_goes_before_instance_file(home: Path, database: None) -> None:
    instance = home / "instance"
    instance.mkdir()
    (instance / "flexmeasures.cfg").write_text("MAIL_SERVER = 'instance'\nMAIL_USERNAME = 'me'")
    assert read(home).values["MAIL_SERVER"] == "instance"
    (home / ".flexmeasures.cfg").write_text("MAIL_SERVER = 'home'")
    settings = read(home)
    assert settings.values["MAIL_SERVER"] == "home"
    assert settings.values["MAIL_USERNAME"] is None  # only one file is read
    assert settings.file == home / ".flexmeasures.cfg"


def test_some_users_have_no_home(
    home: Path, database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    (home / "flexmeasures.cfg").write_text("MAIL_SERVER = 'instance'")
    assert read(home, instance=home).values["MAIL_SERVER"] == "instance"


def test_a_given_file_is_used_or_missed(home: Path, database: None) -> None:
    (home / ".flexmeasures.cfg").write_text("MAIL_SERVER = 'home'")
    (home / "other.cfg").write_text("MAIL_SERVER = 'other'")
    assert read(home, path="../other.cfg").values["MAIL_SERVER"] == "other"
    with pytest.raises(ConfigurationError, match=r"Cannot find config file nowhere\.cfg!"):
        read(home, path="nowhere.cfg")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("A = 1\nB = a\n", "NameError in line 2: name 'a' is not defined"),
        ("A = 1\n\nB = (\n", "SyntaxError in line 3"),
    ],
)
def test_a_broken_file_is_named_with_the_line(home: Path, content: str, reason: str) -> None:
    file = home / ".flexmeasures.cfg"
    file.write_text(content)
    with pytest.raises(ConfigurationError) as error:
        read(home)
    assert f"Cannot read config file {file}: {reason}" in str(error.value)


def test_environment_from_argument_then_newer_then_older_variable(
    home: Path, database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read(home).env == "production"
    monkeypatch.setenv("FLASK_ENV", "staging")
    assert read(home).env == "staging"
    monkeypatch.setenv("FLEXMEASURES_ENV", "development")
    assert read(home).env == "development"
    assert read(home, env="documentation").env == "documentation"
    monkeypatch.setenv("FLEXMEASURES_ENV", "holiday")
    with pytest.raises(ConfigurationError, match='It currently is "holiday"'):
        read(home)


def test_testing_knows_neither_file_nor_variables_but_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".flexmeasures.cfg").write_text("MAIL_SERVER = 'of-file'")
    monkeypatch.setenv("MAIL_PORT", "abc")
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", URI)
    values = read(home, env="testing").values
    assert values["MAIL_SERVER"] == "localhost"
    assert values["MAIL_PORT"] == 25
    assert values["SQLALCHEMY_DATABASE_URI"].endswith("@localhost/flexmeasures_test")
    monkeypatch.setenv("SQLALCHEMY_TEST_DATABASE_URI", URI)
    assert read(home, env="testing").values["SQLALCHEMY_DATABASE_URI"] == URI


def test_local_mode_is_for_those_who_configure_no_database(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", "")
    settings = read(home)
    assert (settings.local, settings.env, settings.values["DEBUG"]) == (True, "development", False)
    assert settings.values["FLEXMEASURES_REDIS_URL"] is None
    monkeypatch.setenv("FLEXMEASURES_REDIS_URL", "redis.example.com")
    assert read(home).values["FLEXMEASURES_REDIS_URL"] == "redis.example.com"

    monkeypatch.setenv("FLASK_ENV", "development")
    settings = read(home)
    assert (settings.local, settings.values["DEBUG"]) == (True, True)
    assert not read(home, env="documentation").local
    assert not read(home, env="testing").local

    (home / ".flexmeasures.cfg").write_text(f"SQLALCHEMY_DATABASE_URI = {URI!r}")
    monkeypatch.delenv("SQLALCHEMY_DATABASE_URI")
    assert not read(home).local


@pytest.mark.parametrize("env", ["staging", "production"])
def test_a_public_server_needs_a_configured_database(home: Path, env: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        read(home, env=env)
    message = str(error.value)
    assert "Missing the required configuration settings: SQLALCHEMY_DATABASE_URI\n" in message
    assert f"environment variables or in your config file (e.g. {home}/.flexmeasures.cfg" in message
    (home / ".flexmeasures.cfg").write_text("MAIL_PORT = 1")
    with pytest.raises(ConfigurationError) as error:
        read(home, env=env)
    assert f"in your config file ({home}/.flexmeasures.cfg)" in str(error.value)


def test_flask_debug_is_the_last_word(
    home: Path, database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEBUG", "0")
    assert read(home, env="development").values["DEBUG"] is False
    monkeypatch.setenv("FLASK_DEBUG", "1")
    assert read(home, env="production").values["DEBUG"] is True


def test_apps_do_not_share_lists(home: Path, database: None) -> None:
    read(home).values["FLEXMEASURES_PLUGINS"].append("one")
    assert read(home).values["FLEXMEASURES_PLUGINS"] == []


def test_dotenv_files_are_found_upwards_and_do_not_overwrite(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FLASK_SKIP_DOTENV")
    for name in ("MAIL_SERVER", "MAIL_USERNAME", "MAIL_PORT", "SQLALCHEMY_DATABASE_URI"):
        monkeypatch.setenv(name, "set for being restored afterwards")
        monkeypatch.delenv(name)
    monkeypatch.setenv("MAIL_PORT", "1")
    (home / ".flaskenv").write_text("MAIL_SERVER=flaskenv\nMAIL_USERNAME=flaskenv\n")
    (home / ".env").write_text(f"MAIL_SERVER=env\nMAIL_PORT=2\nSQLALCHEMY_DATABASE_URI={URI}\n")
    config.load_dotenv()
    values = read(home).values
    assert values["SQLALCHEMY_DATABASE_URI"] == URI
    assert values["MAIL_SERVER"] == "env"
    assert values["MAIL_USERNAME"] == "flaskenv"
    assert values["MAIL_PORT"] == 1


def test_configured_plugins_under_new_and_former_name(
    home: Path, database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert configured_plugins() == []
    (home / ".flexmeasures.cfg").write_text("FLEXMEASURES_PLUGIN_PATHS = ['old']")
    assert configured_plugins() == ["old"]
    monkeypatch.setenv("FLEXMEASURES_PLUGINS", "one,two")
    assert configured_plugins() == ["one", "two"]


def make_app(**settings: object) -> FlexMeasures:
    app = FlexMeasures()
    app.config.update(settings)
    return app


MAIL = {
    "MAIL_SERVER": "localhost",
    "MAIL_PORT": 25,
    "MAIL_USE_TLS": False,
    "MAIL_USE_SSL": False,
    "MAIL_USERNAME": "me",
    "MAIL_DEFAULT_SENDER": "me@example.com",
    "MAIL_PASSWORD": None,
}
REDIS = {
    "FLEXMEASURES_REDIS_URL": "localhost",
    "FLEXMEASURES_REDIS_PORT": 6379,
    "FLEXMEASURES_REDIS_DB_NR": 0,
    "FLEXMEASURES_REDIS_PASSWORD": None,
}


def test_missing_services_are_told_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    config.warn_of_missing(make_app(ENV="production", LOCAL_MODE=False, **MAIL, **REDIS))
    out, err = capsys.readouterr()
    assert out == ""
    assert "Warning: Without complete mail settings" in err
    assert "You might consider setting MAIL_PASSWORD.\n" in err
    assert "redis" not in err  # a server without a password is complete

    no_redis = REDIS | {"FLEXMEASURES_REDIS_URL": None}
    config.warn_of_missing(make_app(ENV="production", LOCAL_MODE=False, **MAIL, **no_redis))
    assert "Warning: Without complete redis connection settings" in capsys.readouterr().err
    config.warn_of_missing(make_app(ENV="development", LOCAL_MODE=True, **MAIL, **no_redis))
    assert "redis" not in capsys.readouterr().err
    config.warn_of_missing(make_app(ENV="documentation", LOCAL_MODE=False))
    assert capsys.readouterr().err == ""
