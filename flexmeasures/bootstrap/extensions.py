"""Database, migrations, Redis, queues and CORS: set up with the app, contacted on first use."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import event
from sqlalchemy.dialects import registry
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from werkzeug import Response
from werkzeug.local import LocalProxy

import flexmeasures
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.bootstrap.exceptions import ConfigurationError
from flexmeasures.data.config import db
from flexmeasures.utils.config_defaults import TestingConfig

if TYPE_CHECKING:
    from redis import Redis
    from rq import Queue

QUEUES = ("forecasting", "scheduling")

# Documented addresses start with `postgresql://`. Say which driver that means, whatever the version
# of SQLAlchemy: beliefs travel by COPY in psycopg2's way.
registry.register("postgresql", "sqlalchemy.dialects.postgresql.psycopg2", "PGDialect_psycopg2")


def set_up_database(app: FlexMeasures) -> None:
    """Prepare connections to the database, without making one. Raises ConfigurationError."""
    uri = app.config["SQLALCHEMY_DATABASE_URI"]
    if uri is None:
        options = app.config["SQLALCHEMY_ENGINE_OPTIONS"]
        app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options | {"url": "postgresql://"}
    else:
        _check_uri(uri)
    db.init_app(app)
    app.db = db
    if app.config["LOCAL_MODE"]:
        with app.app_context():
            event.listen(db.engine, "do_connect", _connect_to_local_server)
    elif app.testing and uri == TestingConfig.SQLALCHEMY_DATABASE_URI:
        with app.app_context():
            event.listen(db.engine, "do_connect", _connect_to_database_of_tests)


def set_up_migrations(app: FlexMeasures) -> None:
    """Prepare Flask-Migrate, with the migrations that this package brings."""
    # Seven lines about itself, with each command.
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)
    from flask_migrate import Migrate

    Migrate(app, db, directory=str(migrations_folder()))


def migrations_folder() -> Path:
    """Inside an installed package; at the top level of a checkout."""
    package = Path(flexmeasures.__file__).parent
    packaged = package / "data" / "migrations"
    return packaged if packaged.is_dir() else package.parent / "migrations"


def set_up_cors(app: FlexMeasures) -> None:
    """Let pages of the origins that are configured call the paths that are configured."""
    from flask_cors import CORS

    app.after_request(_tell_caches_of_origins)  # after that of CORS: the first one runs last
    CORS(app, vary_header=False)


def _tell_caches_of_origins(response: Response) -> Response:
    """What one origin may read is not what another one gets.

    In one line with what else it varies by: of several, werkzeug reads and replaces only the first.
    """
    if "Access-Control-Allow-Origin" in response.headers:
        varies_by = dict.fromkeys([*response.headers.getlist("Vary"), "Origin"])
        response.headers["Vary"] = ", ".join(varies_by)
    return response


def set_up_queues(app: FlexMeasures) -> None:
    """Offer the Redis connection and the job queues; nothing is contacted before they are used."""
    connection = cache(partial(_redis_connection, app))
    app.redis_connection = cast("Redis", LocalProxy(connection))

    def queue(name: str) -> Queue:
        from rq import Queue

        return Queue(name, connection=connection())

    app.queues = {name: cast("Queue", LocalProxy(cache(partial(queue, name)))) for name in QUEUES}


def _check_uri(uri: Any) -> None:
    """The address itself stays out of the message, as it holds a password."""
    try:
        backend = make_url(uri).get_backend_name()
    except (ArgumentError, ValueError):
        backend = ""
    if backend != "postgresql":
        raise ConfigurationError(
            "SQLALCHEMY_DATABASE_URI cannot be used: it should name a PostgreSQL database, in the"
            " form postgresql://user:password@host:port/database."
        )


def _connect_to_local_server(dialect: Any, record: Any, args: Any, params: dict[str, Any]) -> Any:
    """For each new connection: the server may have been stopped since the last one."""
    from flexmeasures.bootstrap import local

    _, address = dialect.create_connect_args(make_url(local.database_uri()))
    local.announce()
    return dialect.connect(**params | address)


def _connect_to_database_of_tests(
    dialect: Any, record: Any, args: Any, params: dict[str, Any]
) -> Any:
    """The usual database for tests; if it is not there, a scratch one."""
    from flexmeasures.bootstrap import local

    with suppress(dialect.loaded_dbapi.OperationalError):
        return dialect.connect(*args, **params)
    _, address = dialect.create_connect_args(make_url(local.database_uri_of_tests()))
    return dialect.connect(**params | address)


def _redis_connection(app: FlexMeasures) -> Redis:
    if app.testing:
        from redis import Redis

        from flexmeasures.bootstrap import local

        return Redis.from_url(local.redis_url_of_tests(), **_patience())
    if app.config["LOCAL_MODE"] and app.config["FLEXMEASURES_REDIS_URL"] is None:
        from flexmeasures.bootstrap import local

        return local.redis_client()
    return configured_redis(app.config)


def configured_redis(config: Mapping[str, Any], **options: Any) -> Redis:
    """Client of the server that is configured, with more options of `redis.Redis`."""
    from redis import Redis

    options = _patience() | options
    return Redis(
        host=config["FLEXMEASURES_REDIS_URL"],
        port=config["FLEXMEASURES_REDIS_PORT"],
        db=config["FLEXMEASURES_REDIS_DB_NR"],
        password=config["FLEXMEASURES_REDIS_PASSWORD"],
        **options,
    )


def _patience() -> dict[str, Any]:
    """A request must not wait long for a server that does not answer.

    Only broken connections are tried once more: the server may have been restarted meanwhile.
    """
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as NotConnected
    from redis.retry import Retry

    return {
        "socket_connect_timeout": 1,
        "socket_timeout": 1,
        "retry": Retry(NoBackoff(), 1, (NotConnected,)),
    }
