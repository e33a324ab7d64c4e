"""Moments and durations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from marshmallow import fields

from flexmeasures.data.schemas.utils import FMValidationError, MarshmallowClickMixin
from flexmeasures.utils import ask_app
from flexmeasures.utils.iso8601 import parse_iso_datetime, parse_iso_duration
from flexmeasures.utils.time_utils import ground_duration, timezone_names

if TYPE_CHECKING:
    import isodate

# Nanoseconds since 1970 in 64 bits, as pandas counts time, end within the years before and after.
FIRST_YEAR, LAST_YEAR = 1678, 2261


class DurationValidationError(FMValidationError):
    """This is no duration."""

    status = "INVALID_PERIOD"


class DurationField(MarshmallowClickMixin, fields.Field["timedelta | isodate.Duration"]):
    """An ISO 8601 duration, such as PT15M or P1DT12H.

    It becomes a timedelta (days and weeks are 24 and 168 hours); with years or months, whose length
    depends on when they start, an `isodate.Duration` (see `ground_from`).
    """

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        try:
            if not isinstance(value, str):
                raise ValueError("expected a text, such as PT15M")
            return parse_iso_duration(value)
        except ValueError as error:
            raise DurationValidationError(
                f"Cannot parse {value} as ISO8601 duration: {error}"
            ) from error

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        if value is None:
            return None
        import isodate

        text: str = isodate.duration_isoformat(value)
        return text

    @staticmethod
    def ground_from(
        duration: timedelta | isodate.Duration, start: datetime | None
    ) -> timedelta | isodate.Duration:
        """How long a duration is from a start on, counting months on the calendar of its timezone.

        From 22 February 2020 on, P1M takes 29 days. Without a start the duration stays as it is.
        """
        return duration if start is None else ground_duration(duration, start)


class PlanningDurationField(DurationField):
    """A duration that, when left out, is the setting FLEXMEASURES_PLANNING_HORIZON."""

    @staticmethod
    def load_default() -> timedelta:
        horizon: timedelta = ask_app.setting("FLEXMEASURES_PLANNING_HORIZON")
        return horizon

    def __init__(self, **kwargs: Any) -> None:
        if not kwargs.get("required"):
            kwargs.setdefault("load_default", type(self).load_default)
        super().__init__(**kwargs)


class AwareDateTimeField(MarshmallowClickMixin, fields.AwareDateTime):
    """An ISO 8601 datetime with offset, such as 2026-11-25T07:00+01:00.

    A blank counts as the plus of the offset, since that is what becomes of a plus in a link.
    """

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> datetime:
        try:
            moment = parse_iso_datetime(value if isinstance(value, str) else "")
        except ValueError as error:
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE) from error
        if moment.tzinfo is None:
            if self.default_timezone is None:
                raise self.make_error("invalid_awareness", awareness="aware", obj_type="datetime")
            moment = moment.replace(tzinfo=self.default_timezone)
        if not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise FMValidationError(f"Years from {FIRST_YEAR} to {LAST_YEAR} can be used.")
        return moment


class ResolutionField(MarshmallowClickMixin, fields.Field[timedelta]):
    """How long events are: an ISO 8601 duration or a number of minutes; 0 for instants.

    It leaves as a whole number of minutes.
    """

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> timedelta:
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            value = f"PT{value}M"
        if isinstance(value, str):
            text = f"PT{value}M" if value.isdecimal() else value
            try:
                length = DurationField().deserialize(text)
            except DurationValidationError as error:
                raise DurationValidationError(
                    f"Cannot parse {value} as ISO8601 duration: expected a text such as PT15M, or a"
                    " whole number of minutes that is not negative"
                ) from error
            if isinstance(length, timedelta) and length >= timedelta(0):
                return length
        raise FMValidationError(
            "A resolution is a fixed length that is not negative, such as PT15M."
        )

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else value // timedelta(minutes=1)


class IsoResolutionField(ResolutionField):
    """The same, but it leaves as an ISO 8601 duration."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return DurationField()._serialize(value, attr, obj, **kwargs)


def validate_timezone(name: str) -> None:
    """Refuse what is no IANA name of a timezone, and suggest one that looks alike."""
    import difflib

    names = timezone_names()
    if name not in names:
        alike = difflib.get_close_matches(name, names, n=1)
        hint = f" Did you mean {alike[0]}?" if alike else ""
        raise FMValidationError(f"Timezone {name} doesn't exist.{hint}")
