"""Every setting with its default, its type and one line on its meaning.

`Config` holds the defaults of all environments; the classes below it say what each environment
changes. The annotations tell how a setting is read from an environment variable of the same name.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any


class Config:
    """Defaults of all environments."""

    # --- Basic ---
    DEBUG: bool = False
    """Show tracebacks and other aids for developers. Never on a public server."""
    LOGGING_LEVEL: int | str = logging.WARNING
    """What gets logged: a level's name, such as INFO, or its number."""
    SECRET_KEY: str | None = None
    """Signs sessions and tokens. Required, here or in the instance folder's file `secret_key`."""
    FLEXMEASURES_MODE: str = ""
    """Special behaviour of the whole server: empty, `demo` or `play`."""
    FLEXMEASURES_ALLOW_DATA_OVERWRITE: bool = False
    """Whether a belief that is saved again with another value replaces the stored one."""
    FLEXMEASURES_LP_SOLVER: str = "cbc"
    """Solver of planning problems: `cbc`, `highs`, or an executable that Pyomo knows."""
    FLEXMEASURES_HOSTS_AND_AUTH_START: dict[str, str] = {"flexmeasures.io": "2021-01"}
    """For each host: since which month (YYYY-MM) its domain is ours; for entity addresses."""
    FLEXMEASURES_PLUGINS: list[str] = []
    """Plugins to load, by folder or by name of an installed module."""
    FLEXMEASURES_PLUGIN_PATHS: list[str]
    """Former name of FLEXMEASURES_PLUGINS."""
    FLEXMEASURES_DB_BACKUP_PATH: str = "migrations/dumps"
    """Folder of database backups, seen from the working directory."""
    FLEXMEASURES_PROFILE_REQUESTS: bool = False
    """Whether the log tells how long each web request took."""
    FLEXMEASURES_LOG_FORMAT: str = "text"
    """How log lines are written: "text", or "json" for an object a line."""
    JSONIFY_PRETTYPRINT_REGULAR: bool = False
    """Whether JSON replies are indented."""
    JSON_ADD_STATUS: bool = True
    """Whether replies of plugins that are made by Flask-JSON hold their status."""
    JSON_STATUS_FIELD_NAME: str = "status"
    """Where."""
    JSON_DECODE_ERROR_MESSAGE: str = "Not a JSON."
    """What plugins that raise errors of Flask-JSON tell by default."""
    PROPAGATE_EXCEPTIONS: bool | None = None
    """Whether errors in requests leave the app, not becoming a 500 reply; None: when debugging."""

    # --- Database ---
    SQLALCHEMY_DATABASE_URI: str | None = None
    """Address of the database: `postgresql://user:password@host:port/name`. Unset: local mode."""
    SQLALCHEMY_TRACK_MODIFICATIONS: bool = False
    """Whether Flask-SQLAlchemy sends a signal for each changed object (slow)."""
    SQLALCHEMY_ECHO: bool = False
    """Whether to log every SQL statement."""
    SQLALCHEMY_ENGINE_OPTIONS: dict[str, Any] = {
        "pool_recycle": 299,
        "pool_pre_ping": True,
        "hide_parameters": True,
        "connect_args": {"options": "-c timezone=utc", "connect_timeout": 10},
    }
    """How to connect: passed on to SQLAlchemy's `create_engine`."""

    # --- Security ---
    SECURITY_REGISTERABLE: bool = False
    """Whether visitors can register themselves."""
    SECURITY_RECOVERABLE: bool = True
    """Whether users can reset their password by mail."""
    SECURITY_TRACKABLE: bool = False
    """Whether to store IP addresses of log-ins."""
    SECURITY_LOGIN_USER_TEMPLATE: str = "admin/login_user.html"
    """Template of the log-in page."""
    SECURITY_FORGOT_PASSWORD_TEMPLATE: str = "admin/forgot_password.html"
    """Template of the page that asks where to mail a reset link to."""
    SECURITY_RESET_PASSWORD_TEMPLATE: str = "admin/reset_password.html"
    """Template of the page that asks for a new password."""
    SECURITY_EMAIL_SUBJECT_PASSWORD_RESET: str = (
        "Password reset instructions for your FlexMeasures account."
    )
    """Subject of the mail with a reset link."""
    SECURITY_EMAIL_SUBJECT_PASSWORD_NOTICE: str = "Your FlexMeasures password has been reset."
    """Subject of the mail that confirms a reset."""
    SECURITY_TOKEN_AUTHENTICATION_HEADER: str = "Authorization"
    """Request header with the access token."""
    SECURITY_TOKEN_MAX_AGE: int = 60 * 60 * 6
    """Seconds for which an access token is valid."""
    SECURITY_PASSWORD_HASH: str = "bcrypt"
    """How passwords are hashed."""
    SECURITY_PASSWORD_SALT: str | None = None
    """Secret mixed into passwords before hashing; the secret key if not set."""
    SECURITY_EMAIL_VALIDATOR_ARGS: dict[str, Any] = {"check_deliverability": False}
    """How strictly mail addresses are checked at log-in; without look-ups in the DNS by default."""
    SECURITY_RESET_PASSWORD_WITHIN: timedelta = timedelta(days=5)
    """For how long a link to reset a password is valid."""
    SECURITY_POST_RESET_VIEW: str = "/"
    """Where a user gets after resetting the password."""
    SECURITY_MSG_PASSWORD_RESET_NO_LOGIN: tuple[str, str] = (
        "You have reset your password and are logged in.",
        "success",
    )
    """What is said then, and its category."""
    SECURITY_PASSWORD_LENGTH_MIN: int = 8
    """Characters that a new password has at least."""
    SECURITY_PASSWORD_COMPLEXITY_CHECKER: str | None = "zxcvbn"
    """What refuses new passwords that are common or easy to guess; None: nothing does."""
    SECURITY_ZXCVBN_MINIMUM_SCORE: int = 3
    """How hard to guess a new password should be, from 0 to 4."""
    SECURITY_RETURN_GENERIC_RESPONSES: bool = True
    """Whether pages keep to themselves which e-mail addresses are known."""
    SECURITY_VERIFY_TEMPLATE: str = "admin/verify.html"
    """Template of the page that asks for the password once more."""
    FLEXMEASURES_LOG_IN_ATTEMPTS: int | None = 10
    """Wrong passwords per user and client in 15 minutes; None: as many as they like."""

    # --- Browsers ---
    SESSION_COOKIE_SECURE: bool | None = None
    """Whether session cookies need HTTPS; None: they do where plain HTTP is redirected."""
    SESSION_COOKIE_SAMESITE: str | None = "Lax"
    """Whether other sites' requests carry session cookies: `Lax`, `Strict` or `None`."""
    REMEMBER_COOKIE_SECURE: bool | None = None
    """The same for the cookie that remembers users."""
    REMEMBER_COOKIE_HTTPONLY: bool = True
    """Whether scripts are kept from that cookie."""
    REMEMBER_COOKIE_SAMESITE: str | None = "Lax"
    """Whether other sites' requests carry that cookie."""
    WTF_CSRF_TIME_LIMIT: int | None = None
    """Seconds for which a form can be sent; None: as long as the session lasts."""
    FLEXMEASURES_CONTENT_SECURITY_POLICY: dict[str, str] = {}
    """What pages may load, besides what comes from this server: sources by directive."""
    FLEXMEASURES_PROXIES: int = 0
    """How many proxies stand before the server; their X-Forwarded-* headers are believed."""
    TRUSTED_HOSTS: list[str] | None = None
    """Names of this host; requests for other names are refused. None: any name will do."""

    # --- Limits of requests ---
    MAX_CONTENT_LENGTH: int | None = 16 * 2**20
    """Bytes that a request may hold, uncompressed; None: any number."""
    FLEXMEASURES_MAX_SENSOR_DATA_INGESTION_BYTES: int = 3 * 2**20
    """Bytes that a request may hold, uncompressed, which posts sensor data as JSON."""
    FLEXMEASURES_MAX_SENSOR_DATA_VALUES: int = 1_000_000
    """Values of a sensor that one request may store or get."""
    FLEXMEASURES_API_RATE_LIMIT: str | None = "6000 per minute"
    """API requests of a user (or a stranger's address), such as `100 per second`; None: any."""

    # --- Cross-origin requests ---
    CORS_ORIGINS: list[str] = []
    """Origins (regular expressions or `*`) whose pages may call the API."""
    CORS_RESOURCES: list[str] = [r"/api/*"]
    """Paths (regular expressions) that they may call."""
    CORS_SUPPORTS_CREDENTIALS: bool = True
    """Whether they may send cookies."""

    # --- Mail ---
    MAIL_SERVER: str | None = "localhost"
    """Host of the mail server."""
    MAIL_PORT: int | None = 25
    """Port of the mail server."""
    MAIL_USE_TLS: bool = False
    """Whether to start TLS on a plain connection."""
    MAIL_USE_SSL: bool = False
    """Whether to connect by TLS from the start."""
    MAIL_USERNAME: str | None = None
    """User name at the mail server."""
    MAIL_DEFAULT_SENDER: str | tuple[str, str] | None = ("FlexMeasures", "no-reply@example.com")
    """Sender: (name, address); as a variable, an address or `Name <address>`."""
    MAIL_DEBUG: bool = False
    """Whether to print all that is said to the mail server, reset links included."""
    MAIL_PASSWORD: str | None = None
    """Password at the mail server."""

    # --- Redis and queues ---
    FLEXMEASURES_REDIS_URL: str | None = "localhost"
    """Host name of the Redis server (not a URL)."""
    FLEXMEASURES_REDIS_PORT: int | None = 6379
    """Port of the Redis server."""
    FLEXMEASURES_REDIS_DB_NR: int | None = 0
    """Number of the database within the Redis server."""
    FLEXMEASURES_REDIS_PASSWORD: str | None = None
    """Password of the Redis server."""
    RQ_DASHBOARD_POLL_INTERVAL: int = 3000
    """Milliseconds between two updates of the queue dashboard."""

    # --- Timing ---
    FLEXMEASURES_TIMEZONE: str = "Asia/Seoul"
    """Time zone of the server: used where neither user nor sensor says otherwise."""
    FLEXMEASURES_JOB_TTL: timedelta = timedelta(days=1)
    """How long a job may wait in its queue."""
    FLEXMEASURES_PLANNING_TTL: timedelta = timedelta(days=7)
    """How long the result of a scheduling job is kept; negative: forever."""
    FLEXMEASURES_JOB_CACHE_TTL: int = 3600
    """Seconds for which an equal request gets the same job; negative: forever."""
    FLEXMEASURES_FORECASTING_MODEL_TTL: timedelta = timedelta(days=8)
    """How long fitted forecast models are kept in Redis for other jobs; 0: not at all."""
    FLEXMEASURES_PLANNING_HORIZON: timedelta = timedelta(days=2)
    """How far schedules look ahead by default."""
    FLEXMEASURES_MAX_PLANNING_HORIZON: timedelta | int | None = 2520
    """How far at most: a duration or a number of the sensor's steps; None: no limit."""
    FLEXMEASURES_FORECAST_ON_NEW_DATA: bool = True
    """Whether new measurements that are posted let a worker make new forecasts."""
    FLEXMEASURES_FORECASTING_HISTORY: timedelta = timedelta(days=730)
    """How much of the past, at most, forecasts learn from."""
    FLEXMEASURES_FORECASTING_PUBLIC_HOLIDAYS: bool = True
    """Whether a sensor without holidays has those of the country that its timezone names."""

    FLEXMEASURES_LONG_POLLING: int = 15
    """Seconds that a request for a schedule may wait until that is made; 0: none."""
    FLEXMEASURES_LONG_POLLING_REQUESTS: int = 2
    """How many may wait in a process with threads (half of these at most); without, one in all."""
    FLEXMEASURES_RESPOND_ASYNC: bool = False
    """Whether who asks for a schedule too early is told 202, not the 400 that old clients know."""

    # --- Pages ---
    FLEXMEASURES_PLATFORM_NAME: str | list[Any] = "FlexMeasures"
    """Name shown in pages: a text, or a list of (text, [account roles]); the first match wins."""
    FLEXMEASURES_MENU_LOGO_PATH: str = ""
    """Image file shown as logo in the menu."""
    FLEXMEASURES_EXTRA_CSS_PATH: str = ""
    """Style sheet loaded on every page."""
    FLEXMEASURES_ROOT_VIEW: list[Any] | str = []
    """Page shown at `/`, by account role like the platform name; `dashboard` if nothing applies."""
    FLEXMEASURES_MENU_LISTED_VIEWS: list[Any] = ["dashboard"]
    """Pages listed in the menu, each optionally with account roles."""
    FLEXMEASURES_MENU_LISTED_VIEW_ICONS: dict[str, str] = {}
    """Icon of each page in the menu."""
    FLEXMEASURES_MENU_LISTED_VIEW_TITLES: dict[str, str] = {}
    """Title of each page in the menu."""
    FLEXMEASURES_HIDE_NAN_IN_UI: bool = False
    """Whether missing numbers are left out of pages."""
    FLEXMEASURES_ASSET_TYPE_GROUPS: dict[str, list[str]] = {
        "renewables": ["solar", "wind"],
        "EVSE": ["one-way_evse", "two-way_evse"],
    }
    """Groups of asset types on the dashboard."""
    FLEXMEASURES_JS_VERSIONS: dict[str, str] = {
        "vega": "5.22.1",
        "vegaembed": "6.21.0",
        "vegalite": "5.5.0",
    }
    """Versions of the chart libraries, for plugins that load them; our pages bring their own."""
    MAPBOX_ACCESS_TOKEN: str | None = None
    """Token for map tiles of Mapbox. Without one, maps show outlines of countries, of our own."""
    FLEXMEASURES_PUBLIC_DEMO_CREDENTIALS: tuple[str, str] | None = None
    """(Mail address, password) shown on the log-in page in demo mode."""
    FLEXMEASURES_DEMO_YEAR: int | None = None
    """In demo mode: the year of the data that is shown as if it were from this year."""

    # --- Monitoring ---
    SENTRY_DSN: str | None = None
    """Where Sentry collects errors; as a variable also SENTRY_SDN."""
    FLEXMEASURES_SENTRY_CONFIG: dict[str, Any] = {"traces_sample_rate": 0.33}
    """Further options of Sentry."""
    FLEXMEASURES_MONITORING_MAIL_RECIPIENTS: list[str] = []
    """Who gets mail when monitoring finds something."""
    FLEXMEASURES_TASK_CHECK_AUTH_TOKEN: str | None = None
    """Token with which an outside monitor may ask when a task ran last."""
    FLEXMEASURES_METRICS_TOKEN: str | None = None
    """Bearer token that lets Prometheus read `/metrics`; admins and admin-readers need none."""
    FLEXMEASURES_METRICS_ADDRESSES: list[str] = []
    """Addresses and networks, such as `10.0.0.0/8`, from which anybody may read `/metrics`."""

    # --- Sunset of API versions ---
    FLEXMEASURES_API_SUNSET_ACTIVE: bool = True
    """Whether old API versions answer that they are gone."""
    FLEXMEASURES_API_SUNSET_DATE: str | None = None
    """Date on which they go, told to clients."""
    FLEXMEASURES_API_SUNSET_LINK: str | None = None
    """Where clients can read more."""


class ProductionConfig(Config):
    """A public server."""

    LOGGING_LEVEL = logging.ERROR


class StagingConfig(Config):
    """A trial run of a public server."""


class DevelopmentConfig(Config):
    """A developer's machine with its own database."""

    DEBUG = True
    LOGGING_LEVEL = logging.DEBUG
    FLEXMEASURES_MODE = "development"
    FLEXMEASURES_PROFILE_REQUESTS = True
    JSONIFY_PRETTYPRINT_REGULAR = True
    PROPAGATE_EXCEPTIONS: bool | None = True


class LocalConfig(DevelopmentConfig):
    """Development as it comes when nothing is configured: a quiet start for newcomers."""

    DEBUG = False
    LOGGING_LEVEL = logging.WARNING
    FLEXMEASURES_PROFILE_REQUESTS = False
    PROPAGATE_EXCEPTIONS = None


class DocumentationConfig(Config):
    """Building the documentation: nothing to connect to."""

    SECRET_KEY = "dummy-key-for-documentation"


class TestingConfig(Config):
    """Running tests: no config file, no variables but SQLALCHEMY_TEST_DATABASE_URI."""

    __test__ = False  # not a test class, whatever its name says

    DEBUG = True
    LOGGING_LEVEL = logging.INFO
    FLEXMEASURES_MODE = "test"
    SECRET_KEY = "dummy-key-for-testing"
    SQLALCHEMY_DATABASE_URI = (
        "postgresql://flexmeasures_test:flexmeasures_test@localhost/flexmeasures_test"
    )
    SECURITY_PASSWORD_SALT = "$2b$19$abcdefghijklmnopqrstuv"
    SECURITY_HASHING_SCHEMES: list[str] = ["hex_md5"]
    """Hashes of tokens, quick ones."""
    SECURITY_DEPRECATED_HASHING_SCHEMES: list[str] = []
    """Hashes of tokens that are still accepted."""
    SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS: dict[str, int] = {"bcrypt__rounds": 4}
    """Hash of passwords, a quick one."""
    WTF_CSRF_ENABLED: bool = False
    """Whether forms are protected against cross-site requests."""
    FLEXMEASURES_PLANNING_HORIZON = timedelta(hours=48)
    FLEXMEASURES_TASK_CHECK_AUTH_TOKEN = "test-task-check-token"


ENVIRONMENTS: dict[str, type[Config]] = {
    "documentation": DocumentationConfig,
    "development": DevelopmentConfig,
    "testing": TestingConfig,
    "staging": StagingConfig,
    "production": ProductionConfig,
}
