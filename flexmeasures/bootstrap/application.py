"""The application object, with the attributes that plugins and services find on it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, cast

from flask import Blueprint, Flask, Response
from werkzeug.exceptions import NotFound

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

    def send_static_file(self, filename: str) -> Response:
        """A file below /static: one of ours, else of a plugin whose blueprint has no prefix.

        Such blueprints have the same address for static files, but only one view can have it.
        """
        with suppress(NotFound):
            return super().send_static_file(filename)
        for blueprint in cast("dict[str, Blueprint]", self.blueprints).values():
            if not blueprint.url_prefix and blueprint.static_url_path == self.static_url_path:
                with suppress(NotFound):
                    return blueprint.send_static_file(filename)
        raise NotFound

    @property
    def https_only(self) -> bool:
        """Are requests by plain HTTP sent on to HTTPS?"""
        return self.env not in ("development", "documentation") and not self.debug

    def running_as_cli(self) -> bool:
        """Was this process started by a command of ours or of a plugin?"""
        from flexmeasures import cli

        return cli.is_running()
