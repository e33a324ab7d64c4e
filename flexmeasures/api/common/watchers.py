"""Who may watch the server: see how busy it is, and what it works on, though not for whom."""

from __future__ import annotations

import hmac
import ipaddress

from flask import current_app, request
from flask_security import current_user

from flexmeasures.auth.policy import user_has_admin_access


def may_watch() -> bool:
    """Programs with the token of the settings or from an address named there, admins and
    admin-readers. Only for these last ones, the database is asked."""
    return _has_token() or _is_at_address() or _may_read_everything()


def _has_token() -> bool:
    """Nothing equals a token that is not set. Compared in constant time."""
    token = current_app.config["FLEXMEASURES_METRICS_TOKEN"]
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    if not token or scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(sent.strip().encode(), str(token).encode())


def _is_at_address() -> bool:
    allowed = current_app.config["FLEXMEASURES_METRICS_ADDRESSES"]
    if not allowed:
        return False
    # All clients of a proxy that we do not know of have its address.
    if "X-Forwarded-For" in request.headers and not current_app.config["FLEXMEASURES_PROXIES"]:
        return False
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in ipaddress.ip_network(network, strict=False) for network in allowed)


def _may_read_everything() -> bool:
    return current_user.is_authenticated and user_has_admin_access(current_user, "read")
