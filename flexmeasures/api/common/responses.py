"""What the API says, in the words that clients know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flexmeasures.auth.error_handling import (
    FORBIDDEN_ERROR_STATUS,
    FORBIDDEN_MSG,
    FORBIDDEN_STATUS_CODE,
)
from flexmeasures.utils.flexmeasures_inflection import join_words_into_a_list

Answer = tuple[dict[str, Any], int]


def unprocessable_entity(message: str | dict[str, Any]) -> Answer:
    """What is wrong with the input: a text, or by location (json, query) and field."""
    return {"result": "Rejected", "status": "UNPROCESSABLE_ENTITY", "message": message}, 422


def request_processed(message: str = "") -> Answer:
    """All went well. More text may follow ours."""
    return {"status": "PROCESSED", "message": _text("Request has been processed.", message)}, 200


def already_received_and_successfully_processed(message: str = "") -> Answer:
    """All went well, though some of it was known."""
    known = "Some of the data has already been received and successfully processed."
    return {
        "results": "PROCESSED",
        "status": "ALREADY_RECEIVED_AND_SUCCESSFULLY_PROCESSED",
        "message": _text(known, message),
    }, 200


def invalid_replacement(message: str = "") -> Answer:
    """Some of the data contradicts what is stored."""
    refused = (
        "Some of the data represents a replacement, which is reserved for servers in play mode."
        " Enable play mode or update the prior in your request."
    )
    return {
        "results": "Rejected",
        "status": "INVALID_REPLACEMENT",
        "message": _text(refused, message),
    }, 403


def with_status(body: dict[str, Any], code: int = 200) -> Answer:
    """An answer that repeats its HTTP status in its body."""
    return {"status": code} | body, code


def _text(text: str, more: str) -> str:
    return f"{text} {more}" if more else text


# The rest of the vocabulary is for plugins: no endpoint of ours says all of it.


def required_info_missing(fields: Sequence[str], message: str = "") -> Answer:
    text = f"Missing fields: {', '.join(fields)} - {message}"
    return _rejected("REQUIRED_INFO_MISSING", text, key="results")


def invalid_sender(required_permissions: Sequence[str] | None = None) -> Answer:
    """The caller may not do this; `required_permissions` are what it would have taken."""
    text = FORBIDDEN_MSG
    if required_permissions:
        needed = join_words_into_a_list(list(required_permissions))
        text += f" It requires {needed} permission(s)."
    return _rejected(FORBIDDEN_ERROR_STATUS, text, code=FORBIDDEN_STATUS_CODE)


def deprecated_api_version(message: str = "") -> Answer:
    text = "The requested API version is deprecated for this feature."
    return _rejected("INVALID_API_VERSION", text, message)


def unknown_schedule(message: str = "") -> Answer:
    return _rejected("UNKNOWN_SCHEDULE", "No known schedule for this time period.", message)


def unknown_forecast(message: str = "") -> Answer:
    return _rejected("UNKNOWN_FORECAST", "No known forecast for this time period.", message)


def unknown_prices(message: str = "") -> Answer:
    return _rejected("UNKNOWN_PRICES", "Missing prices for this time period.", message)


def no_backup(message: str = "") -> Answer:
    return _rejected("NO_BACKUP", "Request message should include 'backup'.", message)


def unrecognized_backup(message: str = "") -> Answer:
    return _rejected("UNRECOGNIZED_BACKUP", "The requested backup is not known.", message)


def invalid_period(message: str = "") -> Answer:
    return _rejected("INVALID_PERIOD", "A time period in your request doesn't seem right.", message)


def invalid_domain(message: str = "") -> Answer:
    text = (
        "Entity addresses should follow the EA1 scheme: ea1.<year>-<month>.<reversed domain name>:"
        "<local name>, where the domain name belonged to the naming authority in that month. For"
        " example: ea1.2021-01.io.flexmeasures:fm1.42 for a sensor, or"
        " ea1.2021-01.localhost:fm1.42 for a sensor of a server on your own computer."
    )
    return _rejected("INVALID_DOMAIN", text, message)


def invalid_horizon(message: str = "") -> Answer:
    text = "The horizon field in your request could not be parsed."
    return _rejected("INVALID_HORIZON", text, message)


def invalid_datetime(message: str = "") -> Answer:
    return _rejected("INVALID_DATETIME", "Datetime cannot be used.", message)


def invalid_timezone(message: str) -> Answer:
    return _rejected("INVALID_TIMEZONE", message)


def invalid_ptu_duration(message: str = "") -> Answer:
    text = (
        "Start times and durations should be multiples of 15 minutes, the length of a program time"
        " unit (PTU)."
    )
    return _rejected("INVALID_PTU_DURATION", text, message)


def ptus_incomplete(message: str = "") -> Answer:
    return _rejected("PTUS_INCOMPLETE", "Missing values.", message)


def unapplicable_resolution(message: str = "") -> Answer:
    text = "Only the following resolutions in the data are supported:"
    return _rejected("INVALID_RESOLUTION", text, message)


def invalid_resolution_str(message: str = "") -> Answer:
    text = "The resolution string cannot be parsed as ISO8601 duration:"
    return _rejected("INVALID_RESOLUTION", text, message)


def conflicting_resolutions(message: str = "") -> Answer:
    text = "Requested assets do not have matching resolutions."
    return _rejected("INVALID_RESOLUTION", text, message)


def invalid_source(message: str = "") -> Answer:
    return _rejected("INVALID_SOURCE", "The data source is not found:", message)


def invalid_market() -> Answer:
    return _rejected("INVALID_MARKET", "No market is registered for the requested asset.")


def unrecognized_market(name: str) -> Answer:
    return _rejected("UNRECOGNIZED_MARKET", f"The requested market named {name} is not known.")


def invalid_method(method: str) -> Answer:
    return _rejected("INVALID_METHOD", f"Request method {method} not supported.", code=405)


def invalid_role(role: str) -> Answer:
    return _rejected("INVALID_ROLE", f"No known services for specified role {role}.")


def invalid_unit(quantity: str | None = None, units: Sequence[str] | None = None) -> Answer:
    """quantity : what is measured; units : those that would do"""
    about = f"for {quantity} " if quantity else ""
    how = f"in {' or '.join(units)}" if units else "a unit"
    return _rejected("INVALID_UNIT", f"Data {about}should be given {how}.")


def invalid_message_type(message_type: str) -> Answer:
    text = f"Request message should specify type '{message_type}'."
    return _rejected("INVALID_MESSAGE_TYPE", text)


def no_message_type(message: str = "") -> Answer:
    return _rejected("NO_MESSAGE_TYPE", "Request message should include 'type'.", message)


def power_value_too_big(message: str = "") -> Answer:
    return _rejected("POWER_VALUE_TOO_BIG", "One or more power values are too big.", message)


def power_value_too_small(message: str = "") -> Answer:
    return _rejected("POWER_VALUE_TOO_SMALL", "One or more power values are too small.", message)


def unrecognized_connection_group(message: str = "") -> Answer:
    text = "One or more connections in your request were not found in your account."
    return _rejected("UNRECOGNIZED_CONNECTION_GROUP", text, message)


def unrecognized_asset(message: str = "") -> Answer:
    text = _text("Cannot identify asset.", message)
    return {"status": "UNRECOGNIZED_ASSET", "message": text}, 400


def unrecognized_sensor(lat: float | None = None, lng: float | None = None) -> Answer:
    """lat, lng : degrees; where the nearest sensor is"""
    where = "In fact, we can't find any sensors."
    if lat is not None and lng is not None:
        where = f"The nearest one is at latitude {lat} and longitude {lng}."
    return _rejected("UNRECOGNIZED_SENSOR", "No sensor is known at this location.", where)


def unrecognized_event(requested_event_id: int | str, requested_event_type: str) -> Answer:
    event = f"(id = {requested_event_id}, type = {requested_event_type})"
    return _rejected("UNRECOGNIZED_UDI_EVENT", f"The requested UDI event {event} is not known.")


def unrecognized_event_type(requested_event_type: str) -> Answer:
    text = f"The requested UDI event type {requested_event_type} is not known."
    return _rejected("UNRECOGNIZED_UDI_EVENT", text)


def incomplete_event(
    requested_event_id: int, requested_event_type: str, message: str = ""
) -> Answer:
    event = f"(id = {requested_event_id}, type = {requested_event_type})"
    text = f"The requested UDI event {event} is incomplete."
    return _rejected("INCOMPLETE_UDI_EVENT", text, message)


def outdated_event_id(requested_event_id: int, existing_event_id: int) -> Answer:
    text = (
        f"The requested UDI event (id = {requested_event_id}) is equal or before the latest"
        f" existing one (id = {existing_event_id})."
    )
    return _rejected("OUTDATED_UDI_EVENT", text)


def _rejected(
    status: str, text: str, more: str = "", *, code: int = 400, key: str = "result"
) -> Answer:
    return {key: "Rejected", "status": status, "message": _text(text, more)}, code
