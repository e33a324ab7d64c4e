"""The whole vocabulary: status, HTTP status, and what the message says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flexmeasures.api.common import responses

Case = tuple[str, Callable[..., Any], tuple[Any, ...], int, str]
R = responses

# (status, function, arguments, HTTP status, message); the verdict is told by `verdict`
CASES: list[Case] = [
    ("PROCESSED", R.request_processed, (), 200, "Request has been processed."),
    (
        "ALREADY_RECEIVED_AND_SUCCESSFULLY_PROCESSED",
        R.already_received_and_successfully_processed,
        (),
        200,
        "Some of the data has already been received and successfully processed.",
    ),
    (
        "INVALID_REPLACEMENT",
        R.invalid_replacement,
        (),
        403,
        (
            "Some of the data represents a replacement, which is reserved for servers in play mode."
            " Enable play mode or update the prior in your request."
        ),
    ),
    (
        "REQUIRED_INFO_MISSING",
        R.required_info_missing,
        (["start", "unit"], "Which are needed."),
        400,
        "Missing fields: start, unit - Which are needed.",
    ),
    (
        "INVALID_SENDER",
        R.invalid_sender,
        (),
        403,
        "You cannot be authorized for this content or functionality.",
    ),
    (
        "INVALID_SENDER",
        R.invalid_sender,
        (["read", "update"],),
        403,
        (
            "You cannot be authorized for this content or functionality."
            " It requires read and update permission(s)."
        ),
    ),
    (
        "UNKNOWN_SCHEDULE",
        R.unknown_schedule,
        ("Not yet.",),
        400,
        "No known schedule for this time period. Not yet.",
    ),
    (
        "UNRECOGNIZED_UDI_EVENT",
        R.unrecognized_event,
        (7, "soc"),
        400,
        "The requested UDI event (id = 7, type = soc) is not known.",
    ),
    (
        "INVALID_PERIOD",
        R.invalid_period,
        (),
        400,
        "A time period in your request doesn't seem right.",
    ),
    ("NO_BACKUP", R.no_backup, (), 400, "Request message should include 'backup'."),
    ("UNRECOGNIZED_BACKUP", R.unrecognized_backup, (), 400, "The requested backup is not known."),
    (
        "INVALID_API_VERSION",
        R.deprecated_api_version,
        (),
        400,
        "The requested API version is deprecated for this feature.",
    ),
    (
        "INVALID_HORIZON",
        R.invalid_horizon,
        (),
        400,
        "The horizon field in your request could not be parsed.",
    ),
    (
        "INVALID_RESOLUTION",
        R.unapplicable_resolution,
        ("PT15M",),
        400,
        "Only the following resolutions in the data are supported: PT15M",
    ),
    (
        "INVALID_RESOLUTION",
        R.invalid_resolution_str,
        ("15m",),
        400,
        "The resolution string cannot be parsed as ISO8601 duration: 15m",
    ),
    (
        "INVALID_RESOLUTION",
        R.conflicting_resolutions,
        (),
        400,
        "Requested assets do not have matching resolutions.",
    ),
    ("INVALID_SOURCE", R.invalid_source, ("7",), 400, "The data source is not found: 7"),
    (
        "INVALID_MARKET",
        R.invalid_market,
        (),
        400,
        "No market is registered for the requested asset.",
    ),
    ("INVALID_METHOD", R.invalid_method, ("PUT",), 405, "Request method PUT not supported."),
    ("INVALID_ROLE", R.invalid_role, ("DSO",), 400, "No known services for specified role DSO."),
    ("INVALID_TIMEZONE", R.invalid_timezone, ("Where is that?",), 400, "Where is that?"),
    ("INVALID_DATETIME", R.invalid_datetime, (), 400, "Datetime cannot be used."),
    ("INVALID_UNIT", R.invalid_unit, (), 400, "Data should be given a unit."),
    (
        "INVALID_UNIT",
        R.invalid_unit,
        ("power", ["kW", "MW"]),
        400,
        "Data for power should be given in kW or MW.",
    ),
    (
        "INVALID_MESSAGE_TYPE",
        R.invalid_message_type,
        ("GetMeterDataRequest",),
        400,
        "Request message should specify type 'GetMeterDataRequest'.",
    ),
    ("NO_MESSAGE_TYPE", R.no_message_type, (), 400, "Request message should include 'type'."),
    (
        "POWER_VALUE_TOO_BIG",
        R.power_value_too_big,
        (),
        400,
        "One or more power values are too big.",
    ),
    (
        "POWER_VALUE_TOO_SMALL",
        R.power_value_too_small,
        (),
        400,
        "One or more power values are too small.",
    ),
    ("PTUS_INCOMPLETE", R.ptus_incomplete, (), 400, "Missing values."),
    ("UNKNOWN_PRICES", R.unknown_prices, (), 400, "Missing prices for this time period."),
    (
        "UNRECOGNIZED_CONNECTION_GROUP",
        R.unrecognized_connection_group,
        (),
        400,
        "One or more connections in your request were not found in your account.",
    ),
    (
        "INCOMPLETE_UDI_EVENT",
        R.incomplete_event,
        (7, "soc"),
        400,
        "The requested UDI event (id = 7, type = soc) is incomplete.",
    ),
    (
        "UNRECOGNIZED_UDI_EVENT",
        R.unrecognized_event_type,
        ("socks",),
        400,
        "The requested UDI event type socks is not known.",
    ),
    (
        "OUTDATED_UDI_EVENT",
        R.outdated_event_id,
        (7, 8),
        400,
        "The requested UDI event (id = 7) is equal or before the latest existing one (id = 8).",
    ),
    (
        "UNRECOGNIZED_MARKET",
        R.unrecognized_market,
        ("KPX",),
        400,
        "The requested market named KPX is not known.",
    ),
    (
        "UNRECOGNIZED_SENSOR",
        R.unrecognized_sensor,
        (),
        400,
        "No sensor is known at this location. In fact, we can't find any sensors.",
    ),
    (
        "UNRECOGNIZED_SENSOR",
        R.unrecognized_sensor,
        (33.5, 126.25),
        400,
        (
            "No sensor is known at this location."
            " The nearest one is at latitude 33.5 and longitude 126.25."
        ),
    ),
    ("UNRECOGNIZED_ASSET", R.unrecognized_asset, (), 400, "Cannot identify asset."),
]


def verdict(status: str) -> dict[str, str]:
    if status in ("PROCESSED", "UNRECOGNIZED_ASSET"):
        return {}
    if status == "ALREADY_RECEIVED_AND_SUCCESSFULLY_PROCESSED":
        return {"results": "PROCESSED"}
    plural = status in ("INVALID_REPLACEMENT", "REQUIRED_INFO_MISSING")
    return {"results" if plural else "result": "Rejected"}


@pytest.mark.parametrize(("status", "function", "arguments", "code", "message"), CASES)
def test_words(
    status: str, function: Callable[..., Any], arguments: tuple[Any, ...], code: int, message: str
) -> None:
    body = {"status": status, "message": message} | verdict(status)
    assert function(*arguments) == (body, code)


@pytest.mark.parametrize(
    "function",
    [
        R.already_received_and_successfully_processed,
        R.conflicting_resolutions,
        R.deprecated_api_version,
        R.invalid_datetime,
        R.invalid_domain,
        R.invalid_horizon,
        R.invalid_period,
        R.invalid_ptu_duration,
        R.invalid_replacement,
        R.no_backup,
        R.no_message_type,
        R.power_value_too_big,
        R.power_value_too_small,
        R.ptus_incomplete,
        R.request_processed,
        R.unknown_prices,
        R.unknown_schedule,
        R.unrecognized_asset,
        R.unrecognized_backup,
        R.unrecognized_connection_group,
    ],
)
def test_more_text_may_follow(function: Callable[..., Any]) -> None:
    (plain, code), (longer, same_code) = function(), function("Truly.")
    assert longer == plain | {"message": f"{plain['message']} Truly."}
    assert code == same_code
