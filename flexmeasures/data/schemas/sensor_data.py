"""Messages that post or ask for the data of a sensor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, ValidationError, fields, validate

from flexmeasures.data.schemas.account import AccountIdField
from flexmeasures.data.schemas.ids import LARGEST_ID
from flexmeasures.data.schemas.sensors import SensorIdField
from flexmeasures.data.schemas.sources import DataSourceIdField
from flexmeasures.data.schemas.texts import storable
from flexmeasures.data.schemas.times import AwareDateTimeField, DurationField
from flexmeasures.data.schemas.utils import BooleanField, FMValidationError
from flexmeasures.utils.entity_address_utils import EntityAddressException, parse_entity_address

if TYPE_CHECKING:
    import isodate
    import numpy as np
    from numpy.typing import NDArray

# What the types of messages say about their data; None: nothing in particular.
METER_DATA, PROGNOSIS, PRICES = "meter data", "prognosis", "prices"
POST_TYPES: dict[str, str | None] = {
    "PostSensorDataRequest": None,
    "PostMeterDataRequest": METER_DATA,
    "PostPrognosisRequest": PROGNOSIS,
    "PostPriceDataRequest": PRICES,
    "PostWeatherDataRequest": None,
}
GET_TYPES: dict[str, str | None] = {
    "GetSensorDataRequest": None,
    "GetMeterDataRequest": METER_DATA,
    "GetPrognosisRequest": PROGNOSIS,
    "GetPriceDataRequest": PRICES,
}

_SHOWN_ERRORS = 100
_NUMERIC = r"^\s*[+-]?(\d+([_.]\d*)*|\.\d+)([eE][+-]?\d+)?\s*$"


class SensorAddressField(fields.String):
    """The entity address of a sensor, which it becomes, with its asset."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        address = super()._deserialize(value, attr, data, **kwargs)
        try:
            id_ = int(parse_entity_address(address, "sensor")["sensor_id"])
        except EntityAddressException as error:
            raise FMValidationError(str(error)) from error
        sensor = SensorIdField()._find(id_) if 0 < id_ <= LARGEST_ID else None
        if sensor is None:
            raise FMValidationError(f"sensor with entity address {address} doesn't exist.")
        return sensor


class FixedDurationField(DurationField):
    """A duration without months and years, whose length depends on when they start."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> timedelta:
        length = super()._deserialize(value, attr, data, **kwargs)
        if not isinstance(length, timedelta):
            raise FMValidationError("Months and years are no fixed length. Use weeks or days.")
        return length


class ValuesField(fields.Field["NDArray[np.float64]"]):
    """A number, or a list of numbers and nulls; becomes an array in which nan stands for null.

    Lists of numbers are read at once. Only if some item is none, each is looked at.
    """

    _item = fields.Float(allow_none=True)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> NDArray[np.float64]:
        import numpy as np

        if not isinstance(value, list):
            return np.array([self._item.deserialize(value)], float)
        if not value:
            raise FMValidationError("Shorter than minimum length 1.")
        kinds = set(map(type, value))
        if kinds <= {float, int, str, type(None)}:
            if str in kinds:
                value = [_number_in(item) for item in value]
            try:
                numbers = np.array(value, float)
            except (ValueError, OverflowError):  # no number, or beyond all floats
                pass
            else:
                if int(np.isfinite(numbers).sum()) + value.count(None) == len(value):
                    return numbers
        return np.array([*self._items(value)], float)

    def _items(self, items: list[Any]) -> Iterator[float | None]:
        """One by one. Raises ValidationError that tells which are no numbers."""
        errors: dict[int, Any] = {}
        for number, item in enumerate(items):
            try:
                yield self._item.deserialize(item)
            except ValidationError as error:
                errors[number] = error.messages
                if len(errors) == _SHOWN_ERRORS:
                    break
        if errors:
            raise ValidationError(errors)


def _number_in(item: Any) -> Any:
    """The number that a text says, if it does."""
    try:
        return float(item) if isinstance(item, str) else item
    except ValueError:
        return item


def _not_negative(length: timedelta | isodate.Duration) -> None:
    if isinstance(length, timedelta) and length < timedelta(0):
        raise FMValidationError("A duration may not be negative.")


def _positive(length: timedelta) -> None:
    if length <= timedelta(0):
        raise FMValidationError("A resolution is a positive length, such as PT15M.")


def _start(*aliases: str) -> AwareDateTimeField:
    return AwareDateTimeField(
        required=True,
        metadata={
            "description": "Start of the first event.",
            "example": "2026-03-01T07:00:00+01:00",
            "aliases": aliases,
        },
    )


def _unit(description: str) -> fields.String:
    return fields.String(
        required=True,
        validate=validate.Length(max=80),
        metadata={"description": description, "example": "kW"},
    )


def _sensor_address() -> SensorAddressField:
    return SensorAddressField(
        required=True,
        metadata={
            "description": "Entity address of the sensor (type fm1). Only its id counts.",
            "example": "ea1.2021-01.io.flexmeasures:fm1.42",
        },
    )


class PostSensorDataSchema(Schema):
    """Values of consecutive events of the sensor that the path names."""

    start = _start()
    duration = FixedDurationField(
        required=True,
        validate=_not_negative,
        metadata={
            "description": "Of all events together. Each takes an equal share of it.",
            "example": "PT1H",
        },
    )
    values = ValuesField(
        required=True,
        metadata={
            "description": "A number per event; null stores nothing. A single event needs no list.",
            "example": [220, 210.5, None, 215],
            "anyOf": [
                {"type": "number"},
                {"type": "string", "pattern": _NUMERIC},
                {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "anyOf": [
                            {"type": ["number", "null"]},
                            {"type": "string", "pattern": _NUMERIC},
                        ]
                    },
                },
            ],
        },
    )
    unit = _unit("Unit of the values. They are converted to the sensor's.")
    horizon = FixedDurationField(
        metadata={
            "description": "How long before it could be known each event was predicted; negative"
            " if it was measured after that.",
            "example": "-PT5M",
        },
    )
    prior = AwareDateTimeField(
        metadata={
            "description": "When the values were recorded; by default now. With `horizon`, too,"
            " the earlier one counts for each event.",
            "example": "2026-03-01T06:45:00+01:00",
        },
    )
    type = fields.String(
        validate=validate.OneOf(POST_TYPES),
        metadata={"description": "Kind of data, with checks of its own on unit and horizon."},
    )


class PostSensorDataByAddressSchema(PostSensorDataSchema):
    """Values of consecutive events of a sensor."""

    sensor = _sensor_address()


class UploadedFileField(fields.Field[Any]):
    """A file of a form, whose name and content type say that it is CSV or Excel."""

    EXTENSIONS = ("csv", "xlsx", "xls", "xlsm")
    CONTENT_TYPES = (
        "text/csv",
        "text/plain",
        "text/x-csv",
        "application/vnd.ms-excel",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    )

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        if not (hasattr(value, "stream") and value.filename):
            raise FMValidationError("Not a file. Send it with its name and content type.")
        problems = []
        extension = value.filename.rpartition(".")[2].lower()
        if "." not in value.filename or extension not in self.EXTENSIONS:
            known = ", ".join(self.EXTENSIONS)
            problems.append(f"{value.filename} has no extension of these: {known}.")
        if value.mimetype not in self.CONTENT_TYPES:
            problems.append(
                f"The content type of {value.filename} is {value.mimetype or 'not given'}, but"
                f" should be one of {', '.join(self.CONTENT_TYPES)}."
            )
        if problems:
            raise ValidationError(problems)
        return value


class UploadSensorDataSchema(Schema):
    """Files with data of the sensor that the path names."""

    files = fields.List(
        UploadedFileField(metadata={"type": "string", "format": "binary"}),
        required=True,
        data_key="uploaded-files",
        validate=validate.Length(min=1),
        metadata={
            "description": "CSV or Excel files (csv, xlsx, xls, xlsm). The first column has the"
            " start of each event (in the sensor's timezone, unless it says otherwise), the second"
            " one the value. The first row is a header.",
            "example": ["event_start,event_value\n2026-03-01T07:00:00+01:00,7.5\n"],
        },
    )
    measured_instantly = BooleanField(
        data_key="belief-time-measured-instantly",
        load_default=False,
        metadata={
            "description": "Whether each value was recorded when its event ended, instead of now."
        },
    )
    unit = fields.String(
        validate=[validate.Length(max=80), storable],
        metadata={
            "description": "Unit of the values, if it is not the sensor's. They are converted.",
            "example": "kW",
        },
    )


class GetSensorDataSchema(Schema):
    """Which data of the sensor that the path names."""

    start = _start("event_starts_after")
    duration = DurationField(
        required=True,
        validate=_not_negative,
        metadata={
            "description": "How long a window to answer. Months and years are those of the sensor's"
            " calendar.",
            "example": "PT1H",
        },
    )
    unit = _unit("Unit to answer in.")
    resolution = FixedDurationField(
        validate=_positive,
        metadata={
            "description": "Length of the steps of the answer; by default that of the sensor's"
            " events.",
            "example": "PT15M",
        },
    )
    horizon = FixedDurationField(
        metadata={
            "description": "Only what was recorded at least that long before each event could be"
            " known.",
            "example": "PT6H",
        },
    )
    prior = AwareDateTimeField(
        metadata={
            "description": "Only what was recorded by then.",
            "example": "2026-03-01T06:45:00+01:00",
            "aliases": ["beliefs_before"],
        },
    )
    source = DataSourceIdField(
        metadata={"description": "Only data of the source with this id.", "example": 1},
    )
    source_account = AccountIdField(
        data_key="source-account",
        metadata={"description": "Only data of users of the account with this id.", "example": 1},
    )
    source_type = fields.String(
        data_key="source-type",
        validate=[validate.Length(min=1, max=80), storable],
        metadata={"description": "Only data of sources of this type.", "example": "forecaster"},
    )
    type = fields.String(
        validate=validate.OneOf(GET_TYPES),
        metadata={"description": "Kind of data, which limits horizon and unit."},
    )


class GetSensorDataByAddressSchema(GetSensorDataSchema):
    """Which data of which sensor."""

    sensor = _sensor_address()


class DeleteSensorDataSchema(Schema):
    """Which data of the sensor to delete; by default all."""

    source = DataSourceIdField(
        metadata={"description": "Only data of the source with this id.", "example": 1},
    )
    start = AwareDateTimeField(
        metadata={
            "description": "Only events that start then or later.",
            "example": "2026-03-01T07:00:00+01:00",
        },
    )
    until = AwareDateTimeField(
        metadata={
            "description": "Only events that end by then. At least one event after the start.",
            "example": "2026-03-02T07:00:00+01:00",
        },
    )


class SensorDataSchema(Schema):
    """Values of a window, one per step."""

    values = fields.List(
        fields.Float(allow_none=True),
        required=True,
        metadata={"description": "null where nothing is known", "example": [7.5, 9, None]},
    )
    start = fields.AwareDateTime(required=True, metadata={"example": "2026-03-01T07:00:00+01:00"})
    duration = fields.String(required=True, metadata={"example": "PT45M"})
    unit = fields.String(required=True, metadata={"example": "kW"})
    resolution = fields.String(
        required=True,
        metadata={
            "description": "Of the events, PT0H if they are instants; the sensor's own if there are"
            " no data.",
            "example": "PT15M",
        },
    )
    status = fields.String(required=True, validate=validate.Equal("PROCESSED"))
    message = fields.String(required=True)
