"""The secret key that signs sessions and tokens, and the salt of passwords."""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask

from flexmeasures.bootstrap.exceptions import ConfigurationError

_KEY_FILE = "secret_key"


def set_secrets(app: Flask) -> None:
    """Find the secret key: setting, variable, key file, or the one of local mode.

    The salt of passwords falls back to the secret key. Raises ConfigurationError if there is none.
    """
    app.config["SECRET_KEY"] = _secret_key(app)
    if app.config["SECURITY_PASSWORD_SALT"] is None:
        app.config["SECURITY_PASSWORD_SALT"] = app.config["SECRET_KEY"]


def _secret_key(app: Flask) -> str | bytes:
    configured = app.config["SECRET_KEY"] or os.environ.get("SECRET_KEY")
    if configured:
        return configured
    key_file = Path(app.instance_path) / _KEY_FILE
    if key_file.is_file() and (key := key_file.read_bytes()):
        return key  # every byte of it, a last newline included: stored passwords depend on it
    if app.config["LOCAL_MODE"]:
        from flexmeasures.bootstrap import local

        return local.secret_key()
    raise ConfigurationError(
        "Error:  No secret key set.\n"
        "You can add the SECRET_KEY setting to your config file (this text is a fresh key:"
        f" SECRET_KEY={os.urandom(24).hex()!r}),\n"
        "or set it as an environment variable (export SECRET_KEY=...),\n"
        f"or put it into the key file {key_file}, for instance by\n"
        f'    mkdir -p "{key_file.parent}"; python -c "import secrets; '
        f'print(secrets.token_hex(24), end=\'\')" > "{key_file}"'
    )
