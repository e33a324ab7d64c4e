"""Messages that ask for forecasts, and the answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates, validates_schema

from flexmeasures.data.schemas.ids import PlainIdField, id_in
from flexmeasures.data.schemas.schedules import AcceptedSchema
from flexmeasures.data.schemas.scheduling import FlexSchema
from flexmeasures.data.schemas.sensor_data import FixedDurationField
from flexmeasures.data.schemas.texts import storable
from flexmeasures.data.schemas.times import (
    FIRST_YEAR,
    LAST_YEAR,
    AwareDateTimeField,
    DurationField,
    IsoResolutionField,
)
from flexmeasures.data.schemas.utils import BooleanField, BoundedList, FMValidationError

DEFAULT_MODEL = "TrainPredictPipeline"
_MOST_REGRESSORS = 50
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SENSOR_OR_OBJECT: dict[str, Any] = {
    "anyOf": [
        {"type": "integer"},
        {"type": "string", "pattern": r"^\s*\d{1,10}\s*$"},
        {
            "type": "object",
            "properties": {
                "sensor": {
                    "anyOf": [
                        {"type": "integer"},
                        {"type": "string", "pattern": r"^\s*\d{1,10}\s*$"},
                    ]
                }
            },
            "required": ["sensor"],
            "additionalProperties": False,
        },
    ]
}


class MomentField(AwareDateTimeField):
    """A datetime with offset; or a date, which stays one until somebody knows the timezone."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        if not (isinstance(value, str) and _DATE.fullmatch(value)):
            return super()._deserialize(value, attr, data, **kwargs)
        try:
            day = date.fromisoformat(value)
        except ValueError as error:
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE) from error
        # a day less on both sides, as local midnight may be in the year before or after
        if not FIRST_YEAR < day.year < LAST_YEAR:
            raise FMValidationError(f"Dates of the years {FIRST_YEAR + 1} to {LAST_YEAR - 1}.")
        return day


class RegressorField(fields.Field[int]):
    """The id of a sensor, or `{"sensor": id}`; becomes the id."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> int:
        if isinstance(value, Mapping):
            if others := [str(key)[:80] for key in value if key != "sensor"]:
                raise ValidationError(
                    {
                        key: ["Beliefs of all sources are used. Leave this out."]
                        for key in others[:_MOST_REGRESSORS]
                    }
                )
            value = value.get("sensor")
        id_ = id_in(value)
        if id_ is None:
            raise FMValidationError('Expected the id of a sensor, or {"sensor": id}.')
        return id_


class NumberField(fields.Float):
    """A finite number; not a text, nor true or false."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> float:
        if type(value) not in (int, float):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)


def _sensors(description: str, key: str) -> BoundedList:
    return BoundedList(
        RegressorField(metadata=_SENSOR_OR_OBJECT),
        data_key=key,
        load_default=None,
        validate=validate.Length(max=_MOST_REGRESSORS),
        metadata={"description": description, "example": [12]},
    )


def _at_least(length: timedelta, text: str) -> Callable[[timedelta], None]:
    def check(duration: timedelta) -> None:
        if duration < length:
            raise FMValidationError(f"Should be {text} or more.")

    return check


def _positive(length: timedelta) -> None:
    if length <= timedelta(0):
        raise FMValidationError("Should be positive, such as PT24H.")


_two_days = _at_least(timedelta(days=2), "2 days")


class ForecastConfigSchema(FlexSchema):
    """How to forecast."""

    train_start = MomentField(
        data_key="train-start",
        metadata={
            "description": "Nothing from before is learnt from. A date means its start in the"
            " sensor's timezone.",
            "example": "2026-01-01",
        },
    )
    train_period = FixedDurationField(
        data_key="train-period",
        validate=_two_days,
        metadata={
            "description": "How much of the past to learn from, up to the moment from which the"
            " forecast is made; by default as much as the server is configured for"
            " (`FLEXMEASURES_FORECASTING_HISTORY`).",
            "example": "P30D",
        },
    )
    max_training_period = FixedDurationField(
        data_key="max-training-period",
        validate=_two_days,
        metadata={"description": "How much of it at most.", "example": "P365D"},
    )
    retrain_frequency = FixedDurationField(
        data_key="retrain-frequency",
        validate=_at_least(timedelta(hours=1), "1 hour"),
        metadata={
            "description": "Models are fitted anew for each day from which forecasts are made, so"
            " this changes nothing; the result of the job says so.",
            "example": "P1D",
        },
    )
    regressors = _sensors(
        "Sensors that may tell something: ids, or objects with an id. Of each, what was believed at"
        " the moment from which the forecast is made, forecasts and measurements. By default those"
        " that the attributes `regressors` and `weather_correlations` name.",
        "regressors",
    )
    past_regressors = _sensors("More of these.", "past-regressors")
    future_regressors = _sensors("More of these.", "future-regressors")
    annotation_regressors = BoundedList(
        fields.Raw(),
        data_key="annotation-regressors",
        load_default=None,
        validate=validate.Length(
            max=0, error="Holidays among the annotations are used in any case. Leave this out."
        ),
        metadata={"description": "Holidays among annotations are used in any case."},
    )
    missing_threshold = NumberField(
        data_key="missing-threshold",
        load_default=1.0,
        validate=validate.Range(min=0, max=1),
        metadata={
            "description": "The share of the history that may be missing. If more is, there is no"
            " forecast.",
            "example": 0.5,
        },
    )
    ensure_positive = BooleanField(
        data_key="ensure-positive",
        load_default=False,
        metadata={"description": "Whether forecasts below 0 become 0."},
    )
    lower = NumberField(
        load_default=None,
        metadata={"description": "Forecasts below become this, in the sensor's unit."},
    )
    upper = NumberField(
        load_default=None,
        metadata={"description": "Forecasts above become this, in the sensor's unit."},
    )
    snap = fields.Dict(
        load_default=None,
        validate=validate.Length(max=0, error="Forecasts cannot be snapped. Leave this out."),
        metadata={
            "description": "Not supported; an empty object changes nothing.",
            "maxProperties": 0,
        },
    )
    model_params = fields.Dict(
        data_key="model-params",
        load_default=None,
        validate=validate.Length(max=100),
        metadata={
            "description": "Models choose their parameters themselves, so this changes nothing; the"
            " result of the job says so."
        },
    )

    @validates_schema
    def check_limits(self, data: Mapping[str, Any], **kwargs: Any) -> None:
        lower = limits_of(data)[0]
        if data.get("upper") is not None and lower is not None and data["upper"] < lower:
            raise FMValidationError(f"Should be {lower} or more.", field_name="upper")


def limits_of(config: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Lowest and highest value of forecasts; None: no limit."""
    lows = [0.0] if config.get("ensure_positive") else []
    if config.get("lower") is not None:
        lows.append(config["lower"])
    return max(lows, default=None), config.get("upper")


class ForecastTriggerSchema(Schema):
    """Which events to forecast, and from when. All of it can be left out."""

    start = MomentField(
        metadata={
            "description": "Start of the forecast: a datetime, or a date of the sensor's timezone;"
            " by default now. It is moved back to the start of an event.",
            "anyOf": [{"format": "date-time"}, {"format": "date"}],
            "example": "2026-03-01T07:00:00+01:00",
        },
    )
    end = MomentField(
        metadata={
            "description": "End of the forecast: a datetime, or the last date. (Instead of"
            " `duration`, or of `start`.)",
            "anyOf": [{"format": "date-time"}, {"format": "date"}],
        },
    )
    duration = DurationField(
        metadata={
            "description": "Length of the forecast; by default the planning horizon of the server.",
            "example": "PT24H",
        },
    )
    prior = AwareDateTimeField(
        metadata={
            "description": "Only what was known by then is used, and forecasts are recorded as made"
            " then (or at their start, if that is earlier). By default now."
        },
    )
    max_forecast_horizon = FixedDurationField(
        data_key="max-forecast-horizon",
        validate=_positive,
        metadata={
            "description": "How far to look ahead at once; by default from start to end. A multiple"
            " of the sensor's resolution.",
            "example": "PT24H",
        },
    )
    forecast_frequency = FixedDurationField(
        data_key="forecast-frequency",
        validate=_positive,
        metadata={
            "description": "How often to look ahead, between start and end; by default as often as"
            " it takes for all events to be forecast once. A multiple of the sensor's resolution.",
            "example": "PT24H",
        },
    )
    probabilistic = BooleanField(
        load_default=False,
        metadata={"description": "Whether to store quantiles, too, around the median."},
    )
    sensor_to_save = PlainIdField(
        data_key="sensor-to-save",
        metadata={
            "description": "The sensor to store forecasts on, by default the one that is forecast."
            " It has the same resolution, and a unit to which values can be converted.",
            "example": 7,
        },
    )
    model = fields.String(
        load_default=DEFAULT_MODEL,
        validate=[validate.Length(min=1, max=80), storable],
        metadata={
            "description": f"`{DEFAULT_MODEL}` stands for the model that suits best. Or one of"
            " `auto` (the same), `linear-OLS`, `seasonal-naive`, `naive`, `average`, or of those"
            " that plugins add.",
            "example": DEFAULT_MODEL,
        },
    )
    config = fields.Nested(
        ForecastConfigSchema, load_default=lambda: ForecastConfigSchema().load({})
    )

    @validates("duration")
    def validate_duration(self, duration: Any, data_key: str) -> None:
        if isinstance(duration, timedelta):
            _positive(duration)

    @validates_schema
    def check_period(self, data: Mapping[str, Any], **kwargs: Any) -> None:
        if {"start", "end", "duration"} <= data.keys():
            raise FMValidationError(
                "Send two of start, end and duration at most.", field_name="duration"
            )


class ForecastAcceptedSchema(AcceptedSchema):
    """A job is to do it; with the names that older clients use, too."""

    class Meta:
        exclude = ("schedule",)

    results_url = fields.String(
        data_key="results-url",
        required=True,
        metadata={"description": "Where to get the forecasts."},
    )
    forecast = fields.String(required=True, metadata={"description": "The id of the job again."})


class ForecastSchema(Schema):
    """Forecasts that a job made, one per event."""

    values = fields.List(
        fields.Float(allow_none=True),
        required=True,
        metadata={
            "description": "Medians; null where the job made no forecast.",
            "example": [0.4, 0.4, 0.125],
        },
    )
    start = AwareDateTimeField(
        required=True, metadata={"example": "2026-03-01T07:00:00+01:00", "format": "date-time"}
    )
    duration = DurationField(required=True, metadata={"example": "PT45M"})
    unit = fields.String(required=True, metadata={"example": "kW"})
    resolution = IsoResolutionField(
        required=True, metadata={"type": "string", "format": "duration", "example": "PT15M"}
    )
    status = fields.String(required=True, validate=validate.Equal("PROCESSED"))
    message = fields.String(required=True)


class ForecastsSchema(Schema):
    """Jobs that forecast from one moment each, and have been asked for together."""

    forecasts = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Their ids, under which forecasts can be got one by one."},
    )
    status = fields.String(required=True, validate=validate.Equal("PROCESSED"))
    message = fields.String(required=True)


class NoForecastSchema(Schema):
    result = fields.String(required=True, validate=validate.Equal("Rejected"))
    status = fields.String(required=True, validate=validate.Equal("UNKNOWN_FORECAST"))
    message = fields.String(required=True)
