"""The application object, with the attributes that plugins and services find on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask

if TYPE_CHECKING:
    from flask_mail import Mail
    from flask_security import Security
    from flask_sqlalchemy import SQLAlchemy
    from redis import Redis
    from rq import Queue


class FlexMeasures(Flask):
    """A Flask application named `flexmeasures`.

    env : name of the environment
    db : the database handle
    redis_connection, queues : stand-ins that contact Redis when they are used; queues by name
    security : users, roles, passwords and tokens
    mail : sends mail
    """

    env: str
    db: SQLAlchemy
    redis_connection: Redis
    queues: dict[str, Queue]
    security: Security
    mail: Mail

    def __init__(self) -> None:
        super().__init__("flexmeasures")

    @property
    def https_only(self) -> bool:
        """Are requests by plain HTTP sent on to HTTPS?"""
        return self.env not in ("development", "documentation") and not self.debug

    def running_as_cli(self) -> bool:
        """Was this process started by a command of ours or of a plugin?"""
        from flexmeasures import cli

        return cli.is_running()
