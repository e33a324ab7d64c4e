"""Entity addresses (type EA1): names of sensors that are unique in the world.

ea1.2021-01.io.flexmeasures.company:fm1.73
|   |       |                       |   |
|   |       |                       |   the sensor's id
|   |       |                       how FlexMeasures numbers entities; fm1 is all there is
|   |       the host, its labels reversed
|   a month in which that host's domain was registered to its owner
the type of address
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flexmeasures.utils import ask_app
from flexmeasures.utils.time_utils import get_first_day_of_next_month

ADDRESS_SCHEME = "ea1"
FM1 = "fm1"
ENTITY_TYPES = ("sensor", "connection", "weather_sensor", "market", "event")

_DATE = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])")
_FM1_ADDRESS = re.compile(
    r"(?P<scheme>ea1)\.(?P<naming_authority>\d{4}-\d{2}\.[^:\s]+)"
    r":(?P<fm_scheme>fm1)\.(?P<sensor_id>\d{1,18})",
    re.ASCII,
)


class EntityAddressException(Exception):
    """An entity address cannot be built or read; the text says why."""


def build_entity_address(
    entity_info: Mapping[str, Any], entity_type: str, host: str | None = None, fm_scheme: str = FM1
) -> str:
    """The address of an entity: for fm1, `entity_info` needs the key `sensor_id`.

    host : by default that of the request at work; localhost without one

    >>> build_entity_address({"sensor_id": 73}, "sensor", host="flexmeasures.io")
    'ea1.2021-01.io.flexmeasures:fm1.73'
    """
    _check_fm_scheme(fm_scheme)
    _check_entity_type(entity_type)
    if entity_info.get("sensor_id") is None:
        raise EntityAddressException(
            "Cannot find required field 'sensor_id' to build entity address."
        )
    return f"{_own_authority(host)}:{FM1}.{entity_info['sensor_id']}"


def parse_entity_address(
    entity_address: str, entity_type: str, fm_scheme: str = FM1
) -> dict[str, str | int]:
    """The parts of an address: scheme, naming_authority, fm_scheme and sensor_id (a number).

    Month and host are not compared with our own: any well-formed authority will do.

    >>> parse_entity_address("ea1.2021-01.io.flexmeasures:fm1.73", "sensor")["sensor_id"]
    73
    """
    _check_fm_scheme(fm_scheme)
    if not entity_address.startswith(ADDRESS_SCHEME):
        raise EntityAddressException(
            f"A valid entity address starts with '{ADDRESS_SCHEME}', please review {entity_address}"
        )
    if not _DATE.fullmatch(entity_address[4:11]):
        raise EntityAddressException(
            f"After '{ADDRESS_SCHEME}.', a date specification of the format YYYY-MM is expected."
            f" Please review {entity_address}"
        )
    _check_entity_type(entity_type)
    _, _, local_part = entity_address.partition(":")
    if not local_part.startswith(f"{FM1}."):
        raise EntityAddressException(
            f"A valid type 1 FlexMeasures entity address starts with '{_example_start()}'"
            f" and ends with the id of a sensor, please review {entity_address}"
        )
    parts = _FM1_ADDRESS.fullmatch(entity_address)
    if parts is None:
        raise EntityAddressException(f"Could not parse {entity_type} {entity_address}.")
    return {**parts.groupdict(), "sensor_id": int(parts["sensor_id"])}


def _check_fm_scheme(fm_scheme: str) -> None:
    if fm_scheme != FM1:
        raise EntityAddressException(
            f"Entity addresses of type {fm_scheme} are no longer in use."
            f" Please use type {FM1}, which ends with the id of a sensor:"
            f" {_example_start()}<sensor id>"
        )


def _check_entity_type(entity_type: str) -> None:
    if entity_type not in ENTITY_TYPES:
        raise EntityAddressException(
            f"Unrecognized entity type '{entity_type}': expected one of {', '.join(ENTITY_TYPES)}."
        )


def _own_authority(host: str | None = None) -> str:
    """Type of address and naming authority of this host, such as ea1.2021-01.io.flexmeasures"""
    name = _host_name(host or ask_app.host() or "localhost")
    reversed_name = ".".join(reversed(name.split(".")))
    return f"{ADDRESS_SCHEME}.{_start_of_authority(name)}.{reversed_name}"


def _example_start() -> str:
    """How an address starts here, such as ea1.2021-01.io.flexmeasures:fm1."""
    try:
        authority = _own_authority()
    except EntityAddressException:
        authority = f"{ADDRESS_SCHEME}.<YYYY-MM>.<reversed domain>"
    return f"{authority}:{FM1}."


def _host_name(host: str) -> str:
    """The name alone, without port and www."""
    name = re.sub(r":\d*$", "", host).lower().removeprefix("www.")
    return "localhost" if name in ("127.0.0.1", "[::1]", "::1") else name


def _start_of_authority(host_name: str) -> str:
    """Since when the host's domain has been its owner's, as YYYY-MM."""
    if host_name == "localhost":
        # Everybody's own, so this must not look like an authority that lasts.
        return f"{get_first_day_of_next_month():%Y-%m}"
    start: str | None = ask_app.setting("FLEXMEASURES_HOSTS_AND_AUTH_START").get(host_name)
    if start is None:
        raise EntityAddressException(
            f"Could not find out when authority for {host_name} started."
            " Is FLEXMEASURES_HOSTS_AND_AUTH_START configured for it?"
        )
    return start
