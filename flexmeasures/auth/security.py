"""Flask-Security-Too: users, roles and password hashes."""

from __future__ import annotations

from flask import Flask
from flask_security import Security

from flexmeasures.auth.datastore import UserDatastore
from flexmeasures.data.config import db
from flexmeasures.data.models.user import Role, User


def set_up_security(app: Flask) -> Security:
    """Let Flask-Security know our users and roles.

    Its log-in pages are left out; hashing passwords (`flask_security.hash_password`) and checking
    access tokens work.
    """
    datastore = UserDatastore(db, User, Role)
    return Security(app, datastore, register_blueprint=False)
