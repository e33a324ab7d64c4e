"""Errors about attributes that sensors and assets must have."""

from __future__ import annotations

from collections.abc import Iterable


class MissingAttributeException(Exception):
    """A required attribute is missing."""

    def __init__(self, message: str = "Sensor is missing required attributes") -> None:
        super().__init__(message)


class WrongTypeAttributeException(Exception):
    """An attribute has the wrong type."""


def check_required_attributes(
    sensor: object,
    attributes: Iterable[str | tuple[str, type | tuple[type, ...]]],
) -> None:
    """Raise unless the sensor (or its asset) has all attributes, each of its required type.

    Parameters
    ----------
    sensor : something with `has_attribute(name)` and `get_attribute(name)`
    attributes : names, or (name, allowed type or types)

    Raises
    ------
    MissingAttributeException, WrongTypeAttributeException : listing every attribute concerned
    """
    missing: list[str] = []
    wrong: list[str] = []
    for item in attributes:
        name, types = (item, None) if isinstance(item, str) else item
        if not sensor.has_attribute(name):  # type: ignore[attr-defined]
            missing.append(name)
            continue
        value = sensor.get_attribute(name)  # type: ignore[attr-defined]
        if types is not None and not isinstance(value, types):
            allowed = types if isinstance(types, tuple) else (types,)
            names = " or ".join(allowed_type.__name__ for allowed_type in allowed)
            wrong.append(f"{name} is a {type(value).__name__} but should be of type {names}")
    if missing:
        raise MissingAttributeException(
            f"Sensor is missing required attributes: {', '.join(missing)}"
        )
    if wrong:
        raise WrongTypeAttributeException(f"Sensor attributes have wrong types: {'; '.join(wrong)}")
