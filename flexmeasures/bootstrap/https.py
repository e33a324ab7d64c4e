"""HTTPS, headers that tell browsers to be careful, and what proxies say."""

from __future__ import annotations

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

    policy = content_security_policy(
        app.config["FLEXMEASURES_CONTENT_SECURITY_POLICY"],
        with_tiles=bool(app.config["MAPBOX_ACCESS_TOKEN"]),
    )

    def add_headers(response: Response) -> Response:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Content-Security-Policy", policy)
        if app.https_only and _is_secure():
            response.headers.setdefault("Strict-Transport-Security", f"max-age={_ONE_YEAR}")
        return response

    app.before_request(redirect_to_https)
    app.after_request(add_headers)


def content_security_policy(more: dict[str, str], with_tiles: bool = False) -> str:
    """The header's text: this server only, and what a setting adds to (or has besides) that.

    with_tiles : maps show pictures of Mapbox
    """
    sources = dict(_SOURCES)
    if with_tiles:
        sources["img-src"] += f" {_TILES}"
    for directive, added in more.items():
        known = sources.get(directive, sources["default-src"])
        sources[directive] = added if known == "'none'" else f"{known} {added}"
    return "; ".join(f"{directive} {allowed}" for directive, allowed in sources.items())


def _is_secure() -> bool:
    return request.is_secure or request.headers.get("X-Forwarded-Proto") == "https"
