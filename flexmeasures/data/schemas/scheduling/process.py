"""The flex-model of a process: a load of constant power that runs for some time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from marshmallow import fields, post_load, pre_load, validate

from flexmeasures.data.schemas.scheduling.spelling import FlexSchema, hyphenated
from flexmeasures.data.schemas.scheduling.values import AmountField, Kind
from flexmeasures.data.schemas.times import AwareDateTimeField, DurationField
from flexmeasures.data.schemas.utils import BoundedList, FMValidationError
from flexmeasures.utils.time_utils import ground_duration, shift

TYPES = ("INFLEXIBLE", "SHIFTABLE", "BREAKABLE")
SENSES = ("MIN", "MAX")


class RestrictionSchema(FlexSchema):
    """A time at which the process must not run."""

    start = AwareDateTimeField(required=True)
    duration = DurationField(required=True)


class ProcessPowerField(AmountField):
    """A quantity, or a bare number in the unit of the sensor; it becomes MW."""

    def _of_number(self, value: float) -> Any:
        unit = getattr(self.root, "unit", None) or "MW"
        return self._of_text(f"{float(value)!r} {unit}")


class ProcessFlexModelSchema(FlexSchema):
    """What is to run, and for how long.

    unit : of the power sensor
    """

    _ALIASES = {"optimization-direction": "optimization-sense"}

    power = ProcessPowerField(Kind.POWER, positive=True, required=True)
    duration = DurationField(required=True)
    process_type = fields.String(
        data_key="process-type", load_default="INFLEXIBLE", validate=validate.OneOf(TYPES)
    )
    time_restrictions = BoundedList(
        fields.Nested(RestrictionSchema),
        data_key="time-restrictions",
        load_default=list,
        validate=validate.Length(max=1000),
    )
    optimization_sense = fields.String(
        data_key="optimization-sense", load_default="MIN", validate=validate.OneOf(SENSES)
    )

    def __init__(self, *, unit: str | None = None, timezone: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.unit = unit
        self.timezone = timezone

    @pre_load
    def _documented_names(self, config: Any, **kwargs: Any) -> Any:
        if not isinstance(config, Mapping):
            return config
        result: dict[str, Any] = {}
        for key, value in hyphenated(config).items():
            name = self._ALIASES.get(key, key)
            if name in result:
                raise FMValidationError(f"Given twice, also as {key}.", name)
            result[name] = value.upper() if name in _WORDS and isinstance(value, str) else value
        return result

    @post_load
    def _check_lengths(self, model: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        if isinstance(model["duration"], timedelta) and model["duration"] <= timedelta(0):
            raise FMValidationError("Must be longer than PT0M.", "duration")
        for position, restriction in enumerate(model["time_restrictions"]):
            start = restriction["start"]
            local = start if self.timezone is None else start.astimezone(self.timezone)
            try:
                length = ground_duration(restriction["duration"], local)
                shift(start, length)  # which must not lie beyond all calendars
            except (ValueError, OverflowError) as error:
                raise FMValidationError(
                    {"time-restrictions": {position: {"duration": ["This is too long."]}}}
                ) from error
            if length < timedelta(0):
                raise FMValidationError(
                    {"time-restrictions": {position: {"duration": ["Must not be negative."]}}}
                )
            restriction["duration"] = length
        return model


_WORDS = ("process-type", "optimization-sense")
