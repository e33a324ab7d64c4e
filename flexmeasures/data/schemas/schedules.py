"""Messages that ask for schedules, and the answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from flexmeasures.data.schemas.flex_fields import described
from flexmeasures.data.schemas.scheduling import (
    DeviceFlexModelSchema,
    FlexContextSchema,
    ProcessFlexModelSchema,
    StorageFlexModelSchema,
    of_modest_size,
)
from flexmeasures.data.schemas.texts import storable
from flexmeasures.data.schemas.times import (
    AwareDateTimeField,
    DurationField,
    IsoResolutionField,
    PlanningDurationField,
)
from flexmeasures.data.schemas.utils import BooleanField, BoundedList

SIGN_CONVENTIONS = ("consumption-positive", "production-positive", "wysiwyg")
_MOST_DEVICES = 1000
_MODEL: dict[str, Any] = {"soc-at-start": "12 kWh", "soc-max": "40 kWh", "power-capacity": "10 kW"}
_CONTEXT: dict[str, Any] = {
    "consumption-price": {"sensor": 3},
    "site-power-capacity": "17 kVA",
}


class DevicesField(BoundedList):
    """Objects in a list; a bare one counts as a list of one."""

    def __init__(self, **kwargs: Any) -> None:
        within = [validate.Length(max=_MOST_DEVICES), of_modest_size]
        super().__init__(fields.Dict(), validate=within, **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[Any]:
        listed = [value] if isinstance(value, Mapping) else value
        return list(super()._deserialize(listed, attr, data, **kwargs))


class ContextField(fields.Dict):
    """An object; or a list of one."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(value, list) and len(value) > 1:
            raise ValidationError("One commodity can be planned: send one object.")
        one = value[0] if isinstance(value, list) and value else value
        return super()._deserialize(one, *args, **kwargs)


class TriggerSchema(Schema):
    """What is to be planned, and from when till when."""

    start = AwareDateTimeField(
        required=True,
        metadata={
            "description": "Start of the schedule.",
            "example": "2026-03-01T07:00:00+01:00",
        },
    )
    duration = PlanningDurationField(
        metadata={
            "description": "Length of the schedule; by default the planning horizon of the server."
            " Targets beyond its end extend it.",
            "example": "PT24H",
        }
    )
    resolution = IsoResolutionField(
        metadata={
            "description": "How often power may change: a multiple of the resolution of each power"
            " sensor. By default the smallest of these.",
            "type": "string",
            "format": "duration",
            "example": "PT15M",
        },
    )
    prior = AwareDateTimeField(
        metadata={
            "description": "Only what was known by then is used, and the schedule is recorded as"
            " made then. By default now.",
        },
    )
    flex_context = ContextField(
        data_key="flex-context",
        validate=of_modest_size,
        metadata={
            "description": "What surrounds the devices: prices, limits of the site, and devices"
            " whose power is given. Keys that are left out are those of the asset, or else of the"
            " nearest asset that it is part of.",
            **described(FlexContextSchema()),
            "example": _CONTEXT,
        },
    )
    force_new_job_creation = BooleanField(
        data_key="force-new-job-creation",
        load_default=False,
        metadata={
            "description": "By default, who asks for the same again gets the same job, for a while."
        },
    )


class SensorTriggerSchema(TriggerSchema):
    flex_model = fields.Dict(
        data_key="flex-model",
        validate=of_modest_size,
        metadata={
            "description": "What the device can do. Keys that are left out are those of its asset.",
            **described(StorageFlexModelSchema(), ProcessFlexModelSchema()),
            "example": _MODEL,
        },
    )


class AssetTriggerSchema(TriggerSchema):
    flex_model = DevicesField(
        data_key="flex-model",
        load_default=list,
        metadata={
            "description": "Devices of the asset, or of its parts. Each is named by `sensor` (of"
            " power), `asset`, or the sensor of its `state-of-charge`; its other keys say what it"
            " can do. Keys that are left out are those of its asset. Other assets with a flex-model"
            " take part, too. A single device needs no list.",
            "items": described(DeviceFlexModelSchema(), ProcessFlexModelSchema()),
            "example": [{"sensor": 7} | _MODEL],
        },
    )
    sequential = BooleanField(
        load_default=False,
        metadata={
            "description": "Whether to plan the devices one after the other, in the order given; by"
            " default all at once, which is never worse."
        },
    )


class ScheduleQuerySchema(Schema):
    duration = DurationField(
        metadata={
            "description": "How much of the schedule, from its start; by default all of it, up to"
            " the planning horizon of the server.",
            "example": "PT24H",
        },
    )
    unit = fields.String(
        validate=[validate.Length(max=80), storable],
        metadata={"description": "Of the values; by default the sensor's.", "example": "kW"},
    )
    sign_convention = fields.String(
        data_key="sign-convention",
        load_default=SIGN_CONVENTIONS[0],
        validate=validate.OneOf(SIGN_CONVENTIONS),
        metadata={"description": "Which power is positive; `wysiwyg`: as it is stored."},
    )


class AcceptedSchema(Schema):
    """A job is to do it; with the names that older clients use, too."""

    status = fields.String(required=True, validate=validate.OneOf(["PROCESSED", "ACCEPTED"]))
    message = fields.String(required=True)
    job = fields.String(required=True, metadata={"description": "The id of the job."})
    job_url = fields.String(
        data_key="job-url",
        required=True,
        metadata={"description": "Where to ask how far the job is."},
    )
    results_url = fields.String(
        data_key="results-url",
        metadata={"description": "Where to get the schedule, if one sensor has it."},
    )
    schedule = fields.String(required=True, metadata={"description": "The id of the job again."})


class ScheduleSchema(Schema):
    values = fields.List(
        fields.Float(allow_none=True),
        required=True,
        metadata={"description": "One per step.", "example": [0.4, 0.4, -0.125]},
    )
    start = AwareDateTimeField(
        required=True, metadata={"example": "2026-03-01T07:00:00+01:00", "format": "date-time"}
    )
    duration = DurationField(required=True, metadata={"example": "PT45M"})
    unit = fields.String(required=True, metadata={"example": "kW"})
    scheduler_info = fields.Dict(
        required=True,
        metadata={
            "description": "Which `scheduler` was used, and what it reports: costs, assumptions,"
            " what could not be met."
        },
    )
    status = fields.String(required=True, validate=validate.Equal("PROCESSED"))
    message = fields.String(required=True)


class NotReadySchema(Schema):
    status = fields.String(required=True, metadata={"example": "QUEUED"})
    message = fields.String(
        required=True, metadata={"example": "Scheduling job waiting to be processed."}
    )


class NoScheduleSchema(Schema):
    """What older clients take for `not yet` if the message says so, and for a failure otherwise."""

    result = fields.String(required=True, validate=validate.Equal("Rejected"))
    status = fields.String(
        required=True,
        validate=validate.OneOf(["UNKNOWN_SCHEDULE", "UNRECOGNIZED_UDI_EVENT", "INVALID_PERIOD"]),
    )
    message = fields.String(required=True)
