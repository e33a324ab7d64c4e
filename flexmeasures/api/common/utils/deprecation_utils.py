"""Endpoints and fields that go: clients read it in headers, hosts in the log.

    Deprecation: Tue, 13 Dec 2022 23:59:59 GMT
    Sunset: Sun, 30 Apr 2023 23:59:59 GMT
    Link: <https://example.com/new>; rel="deprecation"; type="text/html"
    Link: <https://example.com/gone>; rel="sunset"; type="text/html"

A moment given without a time, such as "2022-12-14", is the last second before that day. Times
without offset are UTC. Without any moment, `Deprecation` is `true`, and there is no `Sunset`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from flask import Blueprint, Response, after_this_request, current_app, request
from flask_security import current_user
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import Gone, NotFound

from flexmeasures.utils.iso8601 import parse_iso_datetime
from flexmeasures.utils.time_utils import to_http_time

logger = logging.getLogger(__name__)

Moment = str | date | datetime


@dataclass(frozen=True)
class Notice:
    """What to tell about something that goes, as texts of headers."""

    deprecation: str
    deprecation_link: str | None
    sunset: str | None
    sunset_link: str | None

    def put_on(self, response: Response) -> None:
        response.headers["Deprecation"] = self.deprecation
        if self.sunset:
            response.headers["Sunset"] = self.sunset
        _add_link(response, self.deprecation_link, "deprecation")
        _add_link(response, self.sunset_link, "sunset")


def deprecate_fields(
    fields: str | Iterable[str],
    deprecation_date: Moment | None = None,
    deprecation_link: str | None = None,
    sunset_date: Moment | None = None,
    sunset_link: str | None = None,
) -> None:
    """Called by a view: if the JSON body of the request has one of these fields, say that it goes.

    @bp.post("/trigger")
    def trigger():
        deprecate_fields("soc-unit", "2026-01-01", "https://example.com/news")
        ...
    """
    names = [fields] if isinstance(fields, str) else list(fields)
    body = request.get_json(silent=True) if request.is_json else None
    used = [name for name in names if isinstance(body, dict) and name in body]
    if not used:
        return
    logger.warning("Deprecated: %s with %s", _call(), ", ".join(used))
    notice = _notice(deprecation_date, deprecation_link, sunset_date, sunset_link)

    @after_this_request
    def tell(response: Response) -> Response:
        notice.put_on(response)
        return response


def deprecate_blueprint(
    blueprint: Blueprint,
    deprecation_date: Moment | None = None,
    deprecation_link: str | None = None,
    sunset_date: Moment | None = None,
    sunset_link: str | None = None,
) -> None:
    """Say that all endpoints of a blueprint go; before it is registered.

    The settings FLEXMEASURES_API_SUNSET_DATE and FLEXMEASURES_API_SUNSET_LINK override date (as it
    is) and link of the sunset.
    """
    given = _notice(deprecation_date, deprecation_link, sunset_date, sunset_link)

    @blueprint.after_request
    def tell(response: Response) -> Response:
        logger.warning("Deprecated: %s", _call())
        notice = Notice(
            given.deprecation,
            given.deprecation_link,
            current_app.config["FLEXMEASURES_API_SUNSET_DATE"] or given.sunset,
            _sunset_link(given.sunset_link),
        )
        notice.put_on(response)
        return response


def sunset_blueprint(
    blueprint: Blueprint,
    api_version_being_sunset: str,
    sunset_link: str,
    api_version_upgrade_to: str = "3.0",
    rollback_possible: bool = True,
) -> None:
    """Let all endpoints of a blueprint answer that they are gone (410), before anything else.

    With `rollback_possible`, they work as before while FLEXMEASURES_API_SUNSET_ACTIVE is False.
    Otherwise they are not found then (404), as nothing is there to fall back on.
    """

    @blueprint.before_request
    def answer_gone() -> None:
        active = current_app.config["FLEXMEASURES_API_SUNSET_ACTIVE"]
        if not active and rollback_possible:
            return
        link = _sunset_link(sunset_link)
        version = f"API version {api_version_being_sunset}"
        advice = (
            f"Please upgrade to API version {api_version_upgrade_to}."
            f" See {link} for more information."
        )
        if active:
            raise Gone(f"{version} has been sunset. {advice}")
        raise NotFound(f"{version} is not part of this server any more. {advice}")


def _notice(
    deprecation_date: Moment | None,
    deprecation_link: str | None,
    sunset_date: Moment | None,
    sunset_link: str | None,
) -> Notice:
    return Notice(
        _http_time(deprecation_date) or "true",
        deprecation_link,
        _http_time(sunset_date),
        sunset_link,
    )


def _http_time(moment: Moment | None) -> str | None:
    """Raises ValueError for what is neither date nor datetime."""
    if moment is None:
        return None
    if isinstance(moment, str):
        is_day = "T" not in moment and ":" not in moment
        moment = date.fromisoformat(moment) if is_day else parse_iso_datetime(moment)
    if isinstance(moment, datetime):
        return to_http_time(moment)
    midnight = datetime(moment.year, moment.month, moment.day, tzinfo=timezone.utc)
    return to_http_time(midnight - timedelta(seconds=1))


def _sunset_link(given: str | None) -> str | None:
    return current_app.config["FLEXMEASURES_API_SUNSET_LINK"] or given


def _add_link(response: Response, link: str | None, relation: str) -> None:
    if link:
        response.headers.add("Link", f'<{link}>; rel="{relation}"; type="text/html"')


def _call() -> str:
    """Who called what, for the log."""
    try:
        who = f"user {current_user.id}" if current_user.is_authenticated else "somebody unknown"
    except SQLAlchemyError:
        who = "somebody"
    return f"{request.method} {request.endpoint} by {who}"
