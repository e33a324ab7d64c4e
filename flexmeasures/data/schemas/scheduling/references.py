"""Sensors that flex-model and flex-context refer to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from marshmallow import fields, post_load, pre_load, validate

from flexmeasures.data.schemas.ids import PlainIdField, id_in, missing_ids
from flexmeasures.data.schemas.scheduling.spelling import FlexSchema, hyphenated
from flexmeasures.data.schemas.sensors import SensorIdField
from flexmeasures.data.schemas.texts import one_line
from flexmeasures.data.schemas.utils import BoundedList, FMValidationError

if TYPE_CHECKING:
    from flexmeasures.data.models.time_series import Sensor

_DEEPEST = 8


@dataclass(frozen=True)
class SourceFilters:
    """Whose beliefs count; None filters nothing, and all filters hold at once."""

    types: tuple[str, ...] | None = None
    excluded_types: tuple[str, ...] | None = None
    source_ids: tuple[int, ...] | None = None
    account_ids: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Reference:
    """The values of a sensor.

    factor : what to multiply them with, to get MW, MWh, fractions or money per MWh
    default : in that unit, where nothing is believed
    """

    sensor: Sensor
    factor: float = 1.0
    default: float | None = None
    filters: SourceFilters = SourceFilters()


def name_of(sensor: Sensor) -> str:
    return f"Sensor {sensor.id} ({sensor.name})"


def referenced_ids(config: Any, depth: int = 0) -> Iterator[int]:
    """Ids of all sensors that a flex-model or flex-context, as sent, refers to."""
    if depth > _DEEPEST:
        return
    if isinstance(config, Mapping):
        for key, value in hyphenated(config).items():
            if key == "sensor" or key.endswith(("-sensor", "-sensors")):
                yield from _ids(value)
            else:
                yield from referenced_ids(value, depth + 1)
    elif isinstance(config, (list, tuple)):
        for item in config:
            yield from referenced_ids(item, depth + 1)


def _ids(value: Any) -> Iterator[int]:
    for item in value if isinstance(value, (list, tuple)) else [value]:
        if (id_ := id_in(item)) is not None:
            yield id_


def load_sensors(config: Any) -> list[Sensor]:
    """The sensors that a config refers to, as far as they exist, in one statement.

    While the caller holds them, looking one of them up by its id asks the database no more.
    """
    from sqlalchemy import select

    from flexmeasures.data.config import db
    from flexmeasures.data.models.time_series import Sensor
    from flexmeasures.data.schemas.ids import LARGEST_ID

    ids = {id_ for id_ in referenced_ids(config) if 0 < id_ <= LARGEST_ID}
    if not ids:
        return []
    _, options = SensorIdField().look_up()
    return list(db.session.scalars(select(Sensor).where(Sensor.id.in_(ids)).options(*options)))


class SensorOnlySchema(FlexSchema):
    """Just `{"sensor": id}`."""

    sensor = SensorIdField(required=True)


class ReferenceSchema(FlexSchema):
    """`{"sensor": id}`, with filters on the sources, and a default for what they do not know."""

    _ALIASES = {
        "source": "sources",
        "source-type": "source-types",
        "exclude-source-type": "exclude-source-types",
        "source-accounts": "source-account",
    }

    sensor = SensorIdField(required=True)
    source_types = BoundedList(
        fields.String(validate=[validate.Length(max=80), one_line]),
        data_key="source-types",
        validate=validate.Length(max=100),
    )
    exclude_source_types = BoundedList(
        fields.String(validate=[validate.Length(max=80), one_line]),
        data_key="exclude-source-types",
        validate=validate.Length(max=100),
    )
    sources = BoundedList(PlainIdField(strict=True), validate=validate.Length(max=100))
    source_account = BoundedList(
        PlainIdField(strict=True), data_key="source-account", validate=validate.Length(max=100)
    )
    default = fields.Raw()

    @pre_load
    def _lists(self, config: Any, **kwargs: Any) -> Any:
        """One item need not be in a list."""
        if not isinstance(config, Mapping):
            return config
        result: dict[str, Any] = {}
        for key, value in hyphenated(config).items():
            name = self._ALIASES.get(key, key)
            one = name in self._ALIASES.values() and isinstance(value, (int, str))
            if name in result:
                raise FMValidationError(f"Given twice, also as {key}.", name)
            result[name] = [value] if one else value
        return result

    @post_load
    def _filters(self, found: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        from flexmeasures.data.models.data_sources import DataSource
        from flexmeasures.data.models.user import Account

        for key, noun, model in (
            ("sources", "data source", DataSource),
            ("source_account", "account", Account),
        ):
            if found.get(key) and (missing := missing_ids(model, found[key])):
                name = key.replace("_", "-")
                raise FMValidationError(f"No {noun} found with id {missing[0]}.", name)

        def listed(key: str) -> tuple[Any, ...] | None:
            return tuple(found.pop(key)) if key in found else None

        found["filters"] = SourceFilters(
            listed("source_types"),
            listed("exclude_source_types"),
            listed("sources"),
            listed("source_account"),
        )
        return found
