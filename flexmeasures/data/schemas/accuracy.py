"""How accurate forecasts were: what is asked, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from marshmallow import Schema, fields, validate, validates, validates_schema

from flexmeasures.data.schemas.ids import PlainIdField, missing_ids
from flexmeasures.data.schemas.sensor_data import FixedDurationField
from flexmeasures.data.schemas.times import AwareDateTimeField
from flexmeasures.data.schemas.utils import FMValidationError, MarshmallowClickMixin
from flexmeasures.utils.time_utils import duration_isoformat

_LONGEST_HORIZON = timedelta(days=366)
_MOST_HORIZONS = 10
_MOST_SOURCES = 50


class HorizonField(FixedDurationField):
    """How long before an event could be known it was forecast."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> timedelta:
        horizon = super()._deserialize(value, attr, data, **kwargs)
        if not timedelta(0) < horizon <= _LONGEST_HORIZON:
            raise FMValidationError(
                f"A horizon is a positive length of {_LONGEST_HORIZON.days} days at most."
            )
        return horizon

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else duration_isoformat(value)


class HoursField(MarshmallowClickMixin, fields.Field[timedelta]):
    """The same, also as a number of hours."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> timedelta:
        text = str(value).strip()
        return HorizonField().deserialize(f"PT{text}H" if text.isdecimal() else text)


class SeparatedList(fields.List):
    """Of a query: several values, or one that separates them by commas."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[Any]:
        values = value if isinstance(value, list) else [value]
        items: list[Any] = []
        for item in values:
            items += item.split(",") if isinstance(item, str) else [item]
        self._validate(items)  # before the items are read, which takes longer
        return super()._deserialize(items, attr, data, **kwargs)


class AccuracyQuery(Schema):
    """Of which forecasts. All can be left out."""

    source_ids = SeparatedList(
        PlainIdField(),
        data_key="source",
        load_default=None,
        validate=validate.Length(min=1, max=_MOST_SOURCES),
        metadata={
            "description": "Ids of data sources, separated by commas: only their forecasts. By"
            " default those of everybody.",
            "example": [4],
            "aliases": ["source_id"],
        },
    )
    horizons = SeparatedList(
        HorizonField(),
        load_default=None,
        validate=validate.Length(min=1, max=_MOST_HORIZONS),
        metadata={
            "description": "How long before events could be known they were forecast: ISO 8601"
            " durations, separated by commas. By default those that forecasting jobs have.",
            "example": ["PT1H", "PT24H"],
        },
    )
    start = AwareDateTimeField(
        load_default=None,
        metadata={
            "description": "Only events that start then or later.",
            "example": "2026-03-01T00:00:00+01:00",
            "aliases": ["event_starts_after"],
        },
    )
    end = AwareDateTimeField(
        load_default=None,
        metadata={
            "description": "Only events that start before; by default up to the last that was"
            " measured.",
            "example": "2026-03-31T00:00:00+02:00",
            "aliases": ["event_ends_before"],
        },
    )
    duration = FixedDurationField(
        load_default=None,
        metadata={
            "description": "From the start to the end; without a start 30 days, unless it is"
            " given. Periods take 366 days at most.",
            "example": "P30D",
        },
    )

    @validates("source_ids")
    def validate_source_ids(self, ids: list[int] | None, data_key: str) -> None:
        from flexmeasures.data.models.data_sources import DataSource

        if ids and (missing := missing_ids(DataSource, ids)):
            raise FMValidationError(f"No data source found with id {missing[0]}.")

    @validates_schema
    def validate_period(self, query: dict[str, Any], **_: Any) -> None:
        given = [query.get(name) is not None for name in ("start", "end", "duration")]
        if all(given):
            raise FMValidationError("Give two of start, end and duration at most.", "duration")


class ForecasterSchema(Schema):
    id = fields.Integer(required=True, metadata={"example": 4})
    name = fields.String(required=True, metadata={"example": "Seita (auto model v1)"})
    type = fields.String(required=True, allow_none=True, metadata={"example": "forecaster"})
    description = fields.String(required=True, metadata={"example": "Seita (auto model v1)"})


class BandSchema(Schema):
    lower = fields.Float(
        required=True, metadata={"description": "Cumulative probability.", "example": 0.05}
    )
    upper = fields.Float(
        required=True, metadata={"description": "Cumulative probability.", "example": 0.95}
    )
    nominal = fields.Float(
        required=True,
        metadata={"description": "The part of the events that should be in it.", "example": 0.9},
    )
    coverage = fields.Float(
        required=True,
        metadata={"description": "The part of the events that was in it.", "example": 0.88},
    )
    events = fields.Integer(
        required=True, metadata={"description": "How many it was given for.", "example": 2880}
    )


def _figure(description: str, example: float, attribute: str | None = None) -> fields.Float:
    return fields.Float(
        required=True,
        allow_none=True,
        attribute=attribute,
        metadata={"description": description, "example": example},
    )


def _number(description: str, example: int, attribute: str | None = None) -> fields.Integer:
    return fields.Integer(
        required=True,
        attribute=attribute,
        metadata={"description": description, "example": example},
    )


class SkillSchema(Schema):
    persistence = _figure("Compared to what was measured last.", 0.6)
    yesterday = _figure("Compared to the same slot yesterday.", 0.4)


class ErrorsSchema(Schema):
    """Of forecasts with one horizon. Figures that cannot be told are null."""

    horizon = HorizonField(
        required=True, metadata={"type": "string", "format": "duration", "example": "PT24H"}
    )
    events = _number(
        "Events with a forecast and a measurement: those that count.", 2880, "errors.events"
    )
    events_without_forecast = _number("Events that were measured only.", 0, "without_forecast")
    mae = _figure("Mean absolute error, in the sensor's unit.", 0.4, "errors.mae")
    rmse = _figure("Root of the mean squared error, in the sensor's unit.", 0.6, "errors.rmse")
    bias = _figure("Mean of forecast - measurement, in the sensor's unit.", -0.1, "errors.bias")
    wape = _figure(
        "Weighted absolute percentage error: the sum of absolute errors, as a part of that of"
        " absolute measurements.",
        0.2,
        "errors.wape",
    )
    accuracy = _figure("1 - WAPE", 0.8, "errors.accuracy")
    reason = fields.String(
        required=True,
        allow_none=True,
        attribute="errors.reason",
        metadata={"description": "Why figures are null."},
    )


class ScoreSchema(ErrorsSchema):
    """Of a data source."""

    source = fields.Nested(ForecasterSchema(), required=True)
    events_without_measurement = _number(
        "Events that were forecast only.", 0, "without_measurement"
    )
    belief_horizon = HorizonField(
        required=True,
        allow_none=True,
        metadata={
            "type": "string",
            "format": "duration",
            "description": "The mean of the actual horizons; longer than `horizon` if there was"
            " nothing as recent as that.",
            "example": "PT24H",
        },
    )
    band = fields.Nested(
        BandSchema(),
        required=True,
        allow_none=True,
        metadata={"description": "The widest band of probabilistic forecasts."},
    )
    pinball_loss = _figure(
        "Of probabilistic forecasts, the mean over all quantiles, in the sensor's unit.",
        0.1,
        "pinball",
    )
    skill = fields.Nested(
        SkillSchema(),
        required=True,
        metadata={
            "description": "1 - WAPE / WAPE of a simple forecast, over events of which both exist."
        },
    )


class ReferenceSchema(ErrorsSchema):
    """Of a simple forecast to compare with, made of what was known at the horizon."""

    reference = fields.String(
        required=True,
        validate=validate.OneOf(["persistence", "yesterday"]),
        metadata={"description": "What was measured last, or in the same slot yesterday."},
    )


class AccuracySchema(Schema):
    """How accurate forecasts of a sensor were."""

    sensor = fields.Integer(required=True, attribute="sensor.id", metadata={"example": 7})
    unit = fields.String(required=True, attribute="sensor.unit", metadata={"example": "kW"})
    start = fields.AwareDateTime(required=True, metadata={"example": "2026-03-01T00:00:00+01:00"})
    end = fields.AwareDateTime(required=True, metadata={"example": "2026-03-31T00:00:00+02:00"})
    events = _number("Events that were measured.", 2880, "measured")
    measured_by = fields.List(
        fields.Nested(ForecasterSchema()),
        required=True,
        metadata={"description": "Whose beliefs count as measurements."},
    )
    scores = fields.List(fields.Nested(ScoreSchema()), required=True)
    references = fields.List(fields.Nested(ReferenceSchema()), required=True)
    notes = fields.List(
        fields.String(), required=True, metadata={"description": "What was assumed."}
    )
