from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from flexmeasures.bootstrap.exceptions import ConfigurationError
from flexmeasures.bootstrap.secrets import set_secrets


@pytest.fixture
def app(home: Path) -> Flask:
    instance = home / "instance"
    instance.mkdir()
    app = Flask("flexmeasures", instance_path=str(instance))
    app.config.update(SECRET_KEY=None, SECURITY_PASSWORD_SALT=None, LOCAL_MODE=False)
    return app


def test_setting_then_variable_then_file(
    app: Flask, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file = home / "instance" / "secret_key"
    key_file.write_bytes(b"of-\xfffile\n")
    set_secrets(app)
    # Byte by byte: hashes of stored passwords depend on it.
    assert app.config["SECRET_KEY"] == app.config["SECURITY_PASSWORD_SALT"] == b"of-\xfffile\n"

    app.config["SECRET_KEY"] = None
    monkeypatch.setenv("SECRET_KEY", "of-variable")
    set_secrets(app)
    assert app.config["SECRET_KEY"] == "of-variable"

    app.config["SECRET_KEY"] = "of-config"
    set_secrets(app)
    assert app.config["SECRET_KEY"] == "of-config"


def test_an_own_salt_is_kept(app: Flask) -> None:
    app.config.update(SECRET_KEY="key", SECURITY_PASSWORD_SALT="salt")
    set_secrets(app)
    assert app.config["SECURITY_PASSWORD_SALT"] == "salt"


def test_no_key_says_how_to_get_one(app: Flask, home: Path) -> None:
    (home / "instance" / "secret_key").touch()
    with pytest.raises(ConfigurationError) as error:
        set_secrets(app)
    message = str(error.value)
    assert "Error:  No secret key set." in message
    assert str(home / "instance" / "secret_key") in message
    assert "SECRET_KEY" in message
