"""What assets remember of flex-models and flex-contexts, and which sensors these refer to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from marshmallow import ValidationError

from flexmeasures.auth.acl import viewer
from flexmeasures.data.schemas.ids import id_in, missing_ids
from flexmeasures.data.schemas.scheduling import (
    DeviceFlexModelSchema,
    FlexContextSchema,
    FlexSchema,
    ProcessFlexModelSchema,
    StorageFlexModelSchema,
    hyphenated,
    of_modest_size,
)
from flexmeasures.data.schemas.utils import FMValidationError

_PROCESS_KEYS = {
    "power",
    "duration",
    "process-type",
    "time-restrictions",
    "optimization-sense",
    "optimization-direction",
}
_MOMENTS = {"datetime", "start", "end"}
_DEEPEST_NESTING = 30

Path = tuple[str | int, ...]


def check_stored_flex_model(model: Any) -> None:
    """Raise ValidationError unless an asset can have this as its flex-model.

    It may lack what requests add.
    """
    config = _checked_object(model, "A flex-model")
    schema: FlexSchema = StorageFlexModelSchema()
    if "sensor" in config:
        schema = DeviceFlexModelSchema(exclude=["asset"])
    elif config.keys() & _PROCESS_KEYS:
        schema = ProcessFlexModelSchema()
    _check(config, schema)


def check_stored_flex_context(context: Any) -> None:
    """Raise ValidationError unless an asset can have this as its flex-context."""
    _check(_checked_object(context, "A flex-context"), FlexContextSchema())


def check_references(config: Any) -> None:
    """Raise ValidationError unless all sensors that this refers to are there to be read.

    Sensors that the current caller may not read are as unknown as those that are not there. One
    statement.
    """
    from flexmeasures.data.models.generic_assets import GenericAsset
    from flexmeasures.data.models.time_series import Sensor
    from flexmeasures.data.queries.access import readable

    named = [*references(config)]
    if not named:
        return
    may_read = Sensor.generic_asset.has(readable(viewer(), GenericAsset.account_id))
    ids = dict.fromkeys(id_ for _, id_ in named)
    missing = set(missing_ids(Sensor, ids, may_read))
    errors: dict[str | int, Any] = {}
    for path, id_ in named:
        if id_ in missing:
            _put(errors, path, [f"No sensor found with id {id_}."])
    if errors:
        raise ValidationError(errors)


def references(config: Any, path: Path = ()) -> Iterator[tuple[Path, int]]:
    """Where sensors are referred to, and their ids. Raises ValidationError if it is nested deep.

    >>> list(references({"consumption-price": {"sensor": 3}, "inflexible-device-sensors": [4]}))
    [(('consumption-price', 'sensor'), 3), (('inflexible-device-sensors', 0), 4)]
    """
    if len(path) > _DEEPEST_NESTING:
        raise ValidationError({path[0]: ["Nested too deep."]})
    for key, value in _items(config):
        if isinstance(key, str) and _names_sensors(key):
            yield from _ids(value, (*path, key))
        yield from references(value, (*path, key))


def without_references(config: Mapping[str, Any], gone: Collection[int]) -> dict[str, Any]:
    """The same without the fields that refer to these sensors; of lists, without those items."""
    left = {key: _without(value, gone, key) for key, value in config.items()}
    return {key: value for key, value in left.items() if value is not None}


def _without(value: Any, gone: Collection[int], key: Any = None) -> Any:
    """What is left; None if that is nothing."""
    if isinstance(key, str) and _names_sensors(key) and id_in(value) in gone:
        return None
    if isinstance(value, list):
        left = [_without(item, gone, key) for item in value]
        left = [
            now
            for now, before in zip(left, value, strict=True)
            if now is not None or before is None
        ]
        return left if left or not value else None
    if isinstance(value, Mapping):
        inner = {name: _without(item, gone, name) for name, item in value.items()}
        lost = any(inner[name] is None and value[name] is not None for name in value)
        return None if lost else inner
    return value


def _names_sensors(key: str) -> bool:
    return key.replace("_", "-").rpartition("-")[2] in ("sensor", "sensors")


def _items(config: Any) -> Iterable[tuple[str | int, Any]]:
    if isinstance(config, Mapping):
        return [(str(key), value) for key, value in config.items()]
    return enumerate(config) if isinstance(config, (list, tuple)) else ()


def _ids(value: Any, path: Path) -> Iterator[tuple[Path, int]]:
    if isinstance(value, (list, tuple)):
        for position, item in enumerate(value):
            yield from _ids(item, (*path, position))
    elif (id_ := id_in(value)) is not None:
        yield path, id_


def _put(errors: dict[str | int, Any], path: Path, messages: list[str]) -> None:
    *parents, last = path
    for key in parents:
        errors = errors.setdefault(key, {})
    errors[last] = messages


def _checked_object(config: Any, what: str) -> dict[str, Any]:
    """With documented spelling of its keys. Raises ValidationError."""
    if not isinstance(config, dict):
        raise FMValidationError(f"{what} should be an object.")
    of_modest_size(config)
    check_references(config)
    timed = [key for key, value in config.items() if _is_timed(value)]
    if timed:
        message = (
            "Values of particular times cannot be stored. Send them when asking for schedules."
        )
        raise ValidationError({key: [message] for key in timed})
    return hyphenated(config)


def _is_timed(value: Any) -> bool:
    if not isinstance(value, list):
        return False
    return any(
        bool(_MOMENTS & item.keys()) if isinstance(item, dict) else _is_timed(item)
        for item in value
    )


def _check(config: dict[str, Any], schema: FlexSchema) -> None:
    if errors := schema.validate(config, partial=True):
        raise ValidationError(errors)
