"""HTTPS, headers that tell browsers to be careful, and what proxies say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from flask import redirect, request
from werkzeug import Response
from werkzeug.middleware.proxy_fix import ProxyFix

from flexmeasures.bootstrap.application import FlexMeasures

_ONE_YEAR = 31_536_000  # seconds
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    # Within our own site only: addresses hold tokens, in links to reset passwords for instance.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(self), microphone=()",
}
_SOURCES = {
    "default-src": "'self'",
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'self'",
}

_TILES = "https://api.mapbox.com"


def set_up_https(app: FlexMeasures) -> None:
    """Before anything else that happens to a request."""
    if number := app.config["FLEXMEASURES_PROXIES"]:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=number, x_proto=number, x_host=number, x_prefix=number
        )
    for cookie in ("SESSION", "REMEMBER"):
        if app.config[f"{cookie}_COOKIE_SECURE"] is None:
            app.config[f"{cookie}_COOKIE_SECURE"] = app.https_only

    def redirect_to_https() -> Response | None:
        if not app.https_only or _is_secure():
            return None
        return redirect(request.url.replace("http://", "https://", 1), 302)

    def add_headers(response: Response) -> Response:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if "Content-Security-Policy" not in response.headers:
            response.headers["Content-Security-Policy"] = _policy_of(app.config)
        if app.https_only and _is_secure():
            response.headers.setdefault("Strict-Transport-Security", f"max-age={_ONE_YEAR}")
        return response

    app.before_request(redirect_to_https)
    app.after_request(add_headers)


def _policy_of(config: Mapping[str, Any]) -> str:
    """Asked for each response: plugins may change settings after this module set up the app."""
    return content_security_policy(
        config["FLEXMEASURES_CONTENT_SECURITY_POLICY"],
        with_tiles=bool(config["MAPBOX_ACCESS_TOKEN"]),
        pictures=[config["FLEXMEASURES_MENU_LOGO_PATH"]],
        styles=[config["FLEXMEASURES_EXTRA_CSS_PATH"]],
    )


def content_security_policy(
    more: Mapping[str, str],
    with_tiles: bool = False,
    pictures: Sequence[str] = (),
    styles: Sequence[str] = (),
) -> str:
    """The header's text: this server only, and what a setting adds to (or has besides) that.

    with_tiles : maps show pictures of Mapbox
    pictures, styles : addresses of files on pages; those on other servers are let in
    """
    sources = dict(_SOURCES)
    if with_tiles:
        sources["img-src"] += f" {_TILES}"
    for directive, addresses in (("img-src", pictures), ("style-src", styles)):
        for elsewhere in filter(None, map(_server_of, addresses)):
            known = sources.get(directive, sources["default-src"])
            sources[directive] = f"{known} {elsewhere}"
    for directive, added in more.items():
        known = sources.get(directive, sources["default-src"])
        sources[directive] = added if known == "'none'" else f"{known} {added}"
    return "; ".join(f"{directive} {allowed}" for directive, allowed in sources.items())


def _server_of(address: str) -> str:
    """Where a file is, if that is not a path on this server.

    >>> _server_of("https://cdn.example.com/look/style.css"), _server_of("/static/style.css")
    ('https://cdn.example.com', '')
    """
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme and parts.netloc else parts.netloc


def _is_secure() -> bool:
    return request.is_secure or request.headers.get("X-Forwarded-Proto") == "https"
